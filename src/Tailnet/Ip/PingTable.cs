using Tailnet.Ip.Tcp;

namespace Tailnet.Ip;

/// <summary>TSMP pings that wait for their pong. The eight bytes of a ping are random, so that only the agent can answer it.</summary>
/// <param name="context">The source of random numbers.</param>
internal sealed class PingTable(TcpContext context)
{
    private const int Capacity = 16;
    private const long Lifetime = 10 * TcpTimes.Second;

    private readonly (ulong Data, long SentAt, Action<long>? Answered)[] _pings = new (ulong, long, Action<long>?)[Capacity];
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
    /// <param name="now">The stack's clock in microseconds.</param>
    /// <param name="answered">Called at the pong with the round-trip time in microseconds.</param>
    public ulong Add(long now, Action<long>? answered = null)
    {
        var data = ((ulong)context.Random() << 32) | context.Random();
        _pings[_count++] = (data, now, answered);
        return data;
    }

    /// <summary>Matches a pong with its ping. False when no ping of the last ten seconds has these eight bytes.</summary>
    public bool Answered(ulong data, long now)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_pings[i].Data == data && now - _pings[i].SentAt <= Lifetime)
            {
                var answered = _pings[i].Answered;
                (RoundTrip, AnsweredAt) = (now - _pings[i].SentAt, now);
                Remove(i);
                answered?.Invoke(RoundTrip);
                return true;
            }
        }

        return false;
    }

    private void Remove(int index)
    {
        _count--;
        Array.Copy(_pings, index + 1, _pings, index, _count - index);
        _pings[_count] = default;
    }
}
