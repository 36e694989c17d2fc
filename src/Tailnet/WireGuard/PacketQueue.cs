using System.Diagnostics.CodeAnalysis;

namespace Tailnet.WireGuard;

/// <summary>
/// A bounded queue for copies of the packets that wait for a session. A full queue drops the oldest ones, which are late already.
/// </summary>
/// <param name="maxPackets">The maximum number of packets.</param>
/// <param name="maxBytes">The maximum number of bytes.</param>
internal sealed class PacketQueue(int maxPackets, int maxBytes)
{
    private Queue<byte[]>? _packets;

    public int Count => _packets?.Count ?? 0;

    public int Bytes { get; private set; }

    /// <summary>The number of packets that were dropped.</summary>
    public long Dropped { get; private set; }

    public void Add(ReadOnlySpan<byte> packet)
    {
        if (packet.Length > maxBytes)
        {
            Dropped++;
            return;
        }

        while (Count >= maxPackets || Bytes + packet.Length > maxBytes)
        {
            TryTake(out _);
            Dropped++;
        }

        _packets ??= new Queue<byte[]>();
        _packets.Enqueue(packet.ToArray());
        Bytes += packet.Length;
    }

    public bool TryTake([NotNullWhen(true)] out byte[]? packet)
    {
        packet = null;
        if (_packets is null || !_packets.TryDequeue(out packet))
        {
            // A peer with a session does not need the queue. Without it, an idle peer uses less memory.
            _packets = null;
            return false;
        }

        Bytes -= packet.Length;
        return true;
    }

    public void Clear()
    {
        Dropped += Count;
        (_packets, Bytes) = (null, 0);
    }
}
