using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Load.Measuring;

/// <summary>
/// A schedule that does not wait for answers. A message that should have left while the one before was still being sent counts from when it
/// should have left (no coordinated omission); how late this thread itself wakes up is not the server's doing and is not counted.
/// </summary>
/// <param name="perSecond">How many messages leave a second.</param>
/// <param name="offset">Seconds by which all are later, so that several schedules need not coincide.</param>
internal sealed partial class OpenLoop(double perSecond, double offset = 0)
{
    private readonly long _start = Stopwatch.GetTimestamp() + (long)(offset * Stopwatch.Frequency);
    private long _sent;

    /// <summary>Waits until the next message is due; returns the <see cref="Stopwatch"/> timestamp that its time counts from.</summary>
    public long Next()
    {
        var due = _start + (long)(++_sent / perSecond * Stopwatch.Frequency);
        var now = Stopwatch.GetTimestamp();
        if (now >= due)
        {
            return due;
        }

        var wait = new Timespec { Nanoseconds = (nint)((due - now) * (1_000_000_000 / Stopwatch.Frequency)) };
        wait.Seconds = wait.Nanoseconds / 1_000_000_000;
        wait.Nanoseconds %= 1_000_000_000;
        _ = Sleep(wait, 0); // Thread.Sleep is in whole milliseconds.
        return Stopwatch.GetTimestamp();
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int Sleep(in Timespec time, nint left);

    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
