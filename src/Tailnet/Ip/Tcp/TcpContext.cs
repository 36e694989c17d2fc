namespace Tailnet.Ip.Tcp;

/// <summary>
/// What the connections of one stack share: the lock that guards all their state, memory, clock and counters, and the queue of streams with
/// completed reads and writes. The stack has no thread and no timer of its own.
/// </summary>
internal sealed class TcpContext
{
    private readonly Queue<TcpStream> _completions = new();
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly Func<uint> _random;

    /// <param name="time">The source of the stack's clock.</param>
    /// <param name="maxBuffered">The most bytes of memory in the buffers of all connections.</param>
    /// <param name="random">The source of initial sequence numbers, ports and ping data. Outside of tests it must be cryptographic.</param>
    public TcpContext(TimeProvider time, long maxBuffered, Func<uint> random)
    {
        _time = time;
        _start = time.GetTimestamp();
        _random = random;
        Buffers = new BufferPool(maxBuffered);
        Challenges = new RateLimit(10, 10);
    }

    /// <summary>
    /// The lock that guards the hosts and connections of the stack. The owner holds it for a batch, and never across an await.
    /// </summary>
    public Lock Gate { get; } = new();

    /// <summary>Number of connections of all hosts, without those in TIME-WAIT.</summary>
    public int Connections { get; set; }

    /// <summary>The memory of the send and receive buffers.</summary>
    public BufferPool Buffers { get; }

    public TcpCounters Counters { get; } = new();

    /// <summary>
    /// The rate limit for challenge ACKs of all connections of the stack (RFC 5961 §7).
    /// </summary>
    public RateLimit Challenges { get; }

    /// <summary>The stack's clock: microseconds since the creation of the context.</summary>
    public long Now => (long)_time.GetElapsedTime(_start).TotalMicroseconds;

    /// <summary>32 random bits.</summary>
    public uint Random() => _random();

    /// <summary>The time from now until a deadline, for the owner's timer.</summary>
    public static TimeSpan Until(long deadline, long now) =>
        deadline == TcpTimes.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(Math.Max(0, deadline - now));

    /// <summary>Queues a stream for <see cref="RunCompletions"/>. The caller holds the lock.</summary>
    public void Complete(TcpStream stream)
    {
        if (!stream.IsQueued)
        {
            stream.IsQueued = true;
            _completions.Enqueue(stream);
        }
    }

    /// <summary>
    /// Completes the waiting reads and writes of the queued streams. The owner calls it after each batch and must not hold the lock,
    /// because continuations of the application may run inline.
    /// </summary>
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
