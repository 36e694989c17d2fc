using LocalAgent.Terminals;

namespace LocalAgent;

/// <summary>Measures how long the agent has been without a running request and without a terminal.</summary>
internal sealed class AgentActivity(TerminalSessions terminals, TimeProvider time)
{
    private long _lastBusy = time.GetTimestamp();
    private int _running;

    /// <summary>The time since the last request or terminal has ended; zero while there is one.</summary>
    public TimeSpan Idle
    {
        get
        {
            if (Volatile.Read(ref _running) > 0 || terminals.Count > 0)
            {
                Volatile.Write(ref _lastBusy, time.GetTimestamp());
            }

            return time.GetElapsedTime(Volatile.Read(ref _lastBusy));
        }
    }

    /// <summary>Counts a request as running until the result is disposed.</summary>
    public IDisposable Begin()
    {
        Interlocked.Increment(ref _running);
        return new Request(this);
    }

    private sealed class Request(AgentActivity activity) : IDisposable
    {
        public void Dispose()
        {
            Volatile.Write(ref activity._lastBusy, activity.Time.GetTimestamp());
            Interlocked.Decrement(ref activity._running);
        }
    }

    private TimeProvider Time => time;
}
