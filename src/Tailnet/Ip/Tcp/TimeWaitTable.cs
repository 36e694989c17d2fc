using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>A closed connection in TIME-WAIT. Its state answers a retransmitted FIN of the peer (RFC 9293 §3.6.1).</summary>
/// <param name="LocalPort">This side's port, which cannot be reused yet.</param>
/// <param name="RemotePort">The peer's port.</param>
/// <param name="Remote">The peer's address.</param>
/// <param name="Sequence">SND.NXT.</param>
/// <param name="Acknowledgment">RCV.NXT.</param>
/// <param name="Timestamps">The timestamps option for answers; empty when the connection had none.</param>
/// <param name="Expires">Time of expiry, in microseconds of the stack's clock.</param>
internal readonly record struct TimeWaitEntry(
    ushort LocalPort, ushort RemotePort, Ipv6Address Remote, uint Sequence, uint Acknowledgment, TcpOptions Timestamps, long Expires);

/// <summary>The connections in TIME-WAIT of an agent. A full table evicts its oldest entry.</summary>
internal sealed class TimeWaitTable
{
    private const int Capacity = 256;

    private readonly Queue<TimeWaitEntry> _entries = new();

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds an entry; the oldest one is evicted when the table is full.</summary>
    public void Add(in TimeWaitEntry entry, long now)
    {
        Expire(now);
        if (_entries.Count == Capacity)
        {
            _entries.Dequeue();
        }

        _entries.Enqueue(entry);
    }

    /// <summary>Finds the entry of a local port. False when the port is not in TIME-WAIT.</summary>
    public bool TryFind(ushort localPort, long now, out TimeWaitEntry port)
    {
        Expire(now);
        foreach (var entry in _entries)
        {
            if (entry.LocalPort == localPort)
            {
                port = entry;
                return true;
            }
        }

        port = default;
        return false;
    }

    private void Expire(long now)
    {
        while (_entries.TryPeek(out var oldest) && oldest.Expires <= now)
        {
            _entries.Dequeue();
        }
    }
}
