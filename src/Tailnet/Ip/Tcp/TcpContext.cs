namespace Tailnet.Ip.Tcp;

/// <summary>
/// What the connections of one shard share: the lock under which everything of them is touched, memory, clock, counters, and the streams
/// whose waiting reads and writes are to be completed once the lock is free. The stack has no thread and no timer of its own.
/// </summary>
internal sealed class TcpContext
{
    private readonly Queue<TcpStream> _completions = new();
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly Func<uint> _random;

    /// <summary>A context.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="maxBuffered">Most bytes in all buffers.</param>
    /// <param name="random">Initial sequence numbers, ports and ping data; must be hard to guess outside of tests.</param>
    public TcpContext(TimeProvider time, long maxBuffered, Func<uint> random)
    {
        _time = time;
        _start = time.GetTimestamp();
        _random = random;
        Buffers = new BufferPool(maxBuffered);
        Challenges = new RateLimit(10, 10);
    }

    /// <summary>Guards everything. It is held for a batch, and never across a wait.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Memory for data.</summary>
    public BufferPool Buffers { get; }

    /// <summary>What happened.</summary>
    public TcpCounters Counters { get; } = new();

    /// <summary>
    /// Bounds challenge acknowledgments of all connections (RFC 5961 §7). Not static state of a connection, so that a count tells a spy
    /// nothing.
    /// </summary>
    public RateLimit Challenges { get; }

    /// <summary>Microseconds since the context was made.</summary>
    public long Now => (long)_time.GetElapsedTime(_start).TotalMicroseconds;

    /// <summary>32 random bits.</summary>
    public uint Random() => _random();

    /// <summary>How long it is until a deadline, for the owner's timer.</summary>
    public static TimeSpan Until(long deadline, long now) =>
        deadline == TcpTimes.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(Math.Max(0, deadline - now));

    /// <summary>A stream has something for a waiting caller. Under the lock.</summary>
    public void Complete(TcpStream stream)
    {
        if (!stream.IsQueued)
        {
            stream.IsQueued = true;
            _completions.Enqueue(stream);
        }
    }

    /// <summary>Lets waiting callers go on. The owner calls it after each batch, without the lock: callers may run within.</summary>
    public void RunCompletions()
    {
        while (true)
        {
            TcpStream? stream;
            lock (Gate)
            {
                if (!_completions.TryDequeue(out stream))
                {
                    return;
                }

                stream.IsQueued = false;
            }

            stream.RunCompletions();
        }
    }
}
