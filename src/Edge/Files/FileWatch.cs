namespace Edge.Files;

/// <summary>
/// Checks every two seconds whether a file has changed. File notifications miss changes behind bind mounts and links, where
/// containers have their secrets.
/// It has a timer of its own and no heartbeat: a node watches two files at most.
/// </summary>
internal sealed class FileWatch : IDisposable
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Action _changed;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private FileStamp _stamp;

    /// <param name="path">The file. Create the watch before the first read, so that no change is missed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called after a change, on a thread of the timer, never concurrently.</param>
    public FileWatch(string path, TimeProvider time, Action changed)
    {
        (_path, _changed) = (path, changed);
        _stamp = FileStamp.Of(path);
        _timer = time.CreateTimer(static state => ((FileWatch)state!).Check(), this, Period, Period);
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
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
