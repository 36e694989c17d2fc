using Tailnet.Ip.Tcp;

namespace Tailnet.Ip;

/// <summary>TSMP pings that wait for their pong. The eight bytes of a ping are random, so that only the agent can answer it.</summary>
/// <param name="context">The source of random numbers.</param>
internal sealed class PingTable(TcpContext context)
{
    private const int Capacity = 16;
    private const long Lifetime = 10 * TcpTimes.Second;

    private readonly (ulong Data, long SentAt)[] _pings = new (ulong, long)[Capacity];
    private int _count;

    /// <summary>The round-trip time of the last answered ping in microseconds; 0 before the first pong.</summary>
    public long RoundTrip { get; private set; }

    /// <summary>Time of the last pong in microseconds of the stack's clock; null before the first pong.</summary>
    public long? AnsweredAt { get; private set; }

    /// <summary>Whether 16 pings of the last ten seconds are unanswered.</summary>
    public bool IsFull(long now)
    {
        while (_count > 0 && now - _pings[0].SentAt > Lifetime)
        {
            Remove(0);
        }

        return _count == Capacity;
    }

    /// <summary>Adds a ping, and returns its eight bytes. The caller checks <see cref="IsFull"/> first.</summary>
    public ulong Add(long now)
    {
        var data = ((ulong)context.Random() << 32) | context.Random();
        _pings[_count++] = (data, now);
        return data;
    }

    /// <summary>Matches a pong with its ping. False when no ping of the last ten seconds has these eight bytes.</summary>
    public bool Answered(ulong data, long now)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_pings[i].Data == data && now - _pings[i].SentAt <= Lifetime)
            {
                (RoundTrip, AnsweredAt) = (now - _pings[i].SentAt, now);
                Remove(i);
                return true;
            }
        }

        return false;
    }

    private void Remove(int index)
    {
        _count--;
        Array.Copy(_pings, index + 1, _pings, index, _count - index);
    }
}
