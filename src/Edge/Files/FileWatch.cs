namespace Edge.Files;

/// <summary>
/// Checks every two seconds whether a file has changed. It uses no notifications of the kernel: those miss changes behind bind mounts
/// and links, where containers have their secrets. It has a timer of its own and no heartbeat: a node has two watched files at most.
/// </summary>
internal sealed class FileWatch : IDisposable
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Action _changed;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private FileStamp _stamp;

    /// <param name="path">The file. Begin to watch before it is first read, so that no change falls between.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called after a change, on a thread of the timer's; one call at a time.</param>
    public FileWatch(string path, TimeProvider time, Action changed)
    {
        (_path, _changed) = (path, changed);
        _stamp = FileStamp.Of(path);
        _timer = time.CreateTimer(static state => ((FileWatch)state!).Look(), this, Period, Period);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        lock (_lock)
        {
            var stamp = FileStamp.Of(_path);
            if (stamp != _stamp)
            {
                _stamp = stamp;
                _changed();
            }
        }
    }
}
