using Edge.LocalAgent.Terminals;

namespace Edge.LocalAgent;

/// <summary>Whether anybody needs the agent: a request runs, or a terminal lives.</summary>
internal sealed class AgentActivity(TerminalSessions terminals, TimeProvider time)
{
    private long _lastBusy = time.GetTimestamp();
    private int _running;

    /// <summary>How long nobody has.</summary>
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

    /// <summary>A request runs until the result is disposed.</summary>
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
