namespace EndToEnd.Derp;

/// <summary>The system's clock, which can be made to keep whoever asks it from a thread that is not the pool's: a socket thread.</summary>
internal sealed class HoldingClock : TimeProvider, IDisposable
{
    private readonly ManualResetEventSlim _release = new(initialState: true);
    private readonly ManualResetEventSlim _caught = new();

    public override long GetTimestamp()
    {
        if (!_release.IsSet && !Thread.CurrentThread.IsThreadPoolThread)
        {
            _caught.Set();
            _release.Wait();
        }

        return base.GetTimestamp();
    }

    public void Hold() => _release.Reset();

    public void Release() => _release.Set();

    /// <summary>Blocks until somebody is held.</summary>
    public bool WaitForFirst(TimeSpan patience) => _caught.Wait(patience);

    public void Dispose()
    {
        _release.Dispose();
        _caught.Dispose();
    }
}
