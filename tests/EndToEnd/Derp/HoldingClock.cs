namespace EndToEnd.Derp;

/// <summary>The system's clock, which can be made to keep every socket thread that asks it.</summary>
internal sealed class HoldingClock : TimeProvider, IDisposable
{
    private readonly ManualResetEventSlim _release = new(initialState: true);
    private readonly ManualResetEventSlim _caught = new();

    public override long GetTimestamp()
    {
        // The runtime gives socket threads this name. Other threads read the clock too, such as that of Kestrel's timer.
        if (!_release.IsSet && Thread.CurrentThread.Name is ".NET Sockets")
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
