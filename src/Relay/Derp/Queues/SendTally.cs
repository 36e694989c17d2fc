using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>Adds up the packets that were sent.</summary>
internal struct SendTally
{
    public long Packets { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The bytes of a frame's packet, keys not counted.</summary>
    public static int PacketLength(ReadOnlySpan<byte> frame) =>
        frame.Length - DerpProtocol.HeaderLength - ((DerpFrameType)frame[0] == DerpFrameType.ForwardPacket ? 2 : 1) * NodeKey.Length;

    public void Add(ReadOnlySpan<byte> frame)
    {
        Packets++;
        Bytes += PacketLength(frame);
    }
}
