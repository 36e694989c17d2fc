using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>What is left of a connection that has closed, for the peer's repeated FIN (RFC 9293 §3.6.1).</summary>
/// <param name="LocalPort">This side's port, which rests.</param>
/// <param name="RemotePort">The peer's port.</param>
/// <param name="Remote">The peer.</param>
/// <param name="Sequence">SND.NXT.</param>
/// <param name="Acknowledgment">RCV.NXT.</param>
/// <param name="Timestamps">The last timestamps, when the connection had them.</param>
/// <param name="Expires">When the port is free.</param>
internal readonly record struct RestingPort(
    ushort LocalPort, ushort RemotePort, Ipv6Address Remote, uint Sequence, uint Acknowledgment, TcpOptions Timestamps, long Expires);

/// <summary>TIME-WAIT: a bounded queue, in which the oldest entry gives way.</summary>
internal sealed class TimeWaitTable
{
    private const int Capacity = 256;

    private readonly Queue<RestingPort> _ports = new();

    /// <summary>How many ports rest.</summary>
    public int Count => _ports.Count;

    /// <summary>Lets a port rest.</summary>
    public void Add(in RestingPort port, long now)
    {
        Expire(now);
        if (_ports.Count == Capacity)
        {
            _ports.Dequeue();
        }

        _ports.Enqueue(port);
    }

    /// <summary>Finds a port that rests.</summary>
    public bool TryFind(ushort localPort, long now, out RestingPort port)
    {
        Expire(now);
        foreach (var entry in _ports)
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
        while (_ports.TryPeek(out var oldest) && oldest.Expires <= now)
        {
            _ports.Dequeue();
        }
    }
}
