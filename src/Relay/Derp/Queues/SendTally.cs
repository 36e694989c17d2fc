using Relay.Derp.Wire;

namespace Relay.Derp.Queues;

/// <summary>Counts sent packets and their bytes.</summary>
internal struct SendTally
{
    public long Packets { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The length of a frame's packet, without the keys.</summary>
    public static int PacketLength(ReadOnlySpan<byte> frame) =>
        frame.Length - DerpProtocol.HeaderLength - ((DerpFrameType)frame[0] == DerpFrameType.ForwardPacket ? 2 : 1) * NodeKey.Length;

    public void Add(ReadOnlySpan<byte> frame)
    {
        Packets++;
        Bytes += PacketLength(frame);
    }
}
