using System.Net.Sockets;

namespace Sockets;

/// <summary>
/// Threads that wait for sockets with requests, and go on with what has come themselves: no other thread is woken, which at a few hundred
/// requests a second costs as much as the request.
/// </summary>
/// <remarks>
/// They all wait on one epoll instance, which wakes the one that came last: while one is enough, it is the same one. What runs here may block
/// or compute for as long as it likes, since the last thread that waits runs nothing: it hands what comes to the thread pool. The sockets of streams and
/// DERP are not among them; those have the runtime's socket threads to themselves (<see cref="InlineCompletions"/>).
/// </remarks>
public sealed class RequestThreads
{
    private readonly Lock _gate = new();
    private readonly int _epoll;
    private readonly int _count;
    private RequestWait?[] _waits = new RequestWait?[64];
    private int _waiting;

    private RequestThreads(int epoll, int count)
    {
        _epoll = epoll;
        _count = count;
        for (var i = 0; i < count; i++)
        {
            new Thread(Run) { IsBackground = true, Name = "Edge requests" }.UnsafeStart();
        }
    }

    /// <summary>Those of this process, one more than there are processors; null where there is no epoll: only Linux has it.</summary>
    public static RequestThreads? Shared { get; } = TryStart(Environment.ProcessorCount + 1);

    /// <summary>All of them wait, so that what comes next is not handed to the pool.</summary>
    internal bool AreIdle => Volatile.Read(ref _waiting) == _count;

    /// <summary>Waits once until the socket has something, or has ended or broken; <see cref="RequestWait.Ready"/> then runs on any thread.</summary>
    /// <param name="wait">The wait.</param>
    /// <param name="socket">Its socket.</param>
    /// <param name="file">Its number here; below 0 before the first time.</param>
    /// <returns>False when there is no such socket any more.</returns>
    internal bool TryWait(RequestWait wait, SafeSocketHandle socket, ref int file)
    {
        var isHeld = false;
        try
        {
            socket.DangerousAddRef(ref isHeld);
            if (file >= 0)
            {
                return Epoll.TryArm(_epoll, file, isFirst: false);
            }

            file = (int)socket.DangerousGetHandle();
            Remember(file, wait);
            return Epoll.TryArm(_epoll, file, isFirst: true);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            if (isHeld)
            {
                socket.DangerousRelease();
            }
        }
    }

    /// <summary>Whoever has waited here does not any more; its socket is closed.</summary>
    internal void Forget(RequestWait wait, int file)
    {
        lock (_gate)
        {
            if (_waits[file] == wait)
            {
                _waits[file] = null;
            }
        }
    }

    /// <summary>So many threads, for good; null where there is no epoll.</summary>
    internal static RequestThreads? TryStart(int count) =>
        OperatingSystem.IsLinux() && Epoll.TryCreate(out var epoll) ? new RequestThreads(epoll, count) : null;

    private void Run()
    {
        var context = ExecutionContext.Capture()!;
        while (true)
        {
            Interlocked.Increment(ref _waiting);
            var file = Epoll.Wait(_epoll);
            var isLast = Interlocked.Decrement(ref _waiting) == 0;

            // A socket with a number that another one had is told of what came for that one, and finds nothing.
            if (file < 0 || Volatile.Read(ref _waits)[file] is not { } wait)
            {
                continue;
            }

            if (isLast)
            {
                ThreadPool.UnsafeQueueUserWorkItem(static wait => wait.Ready(), wait, preferLocal: false);
            }
            else
            {
                ExecutionContext.Run(context, static wait => ((RequestWait)wait!).Ready(), wait);
            }
        }
    }

    private void Remember(int file, RequestWait wait)
    {
        lock (_gate)
        {
            if (file >= _waits.Length)
            {
                var more = new RequestWait?[Math.Max(file + 1, 2 * _waits.Length)];
                _waits.CopyTo(more, 0);
                Volatile.Write(ref _waits, more);
            }

            _waits[file] = wait;
        }
    }
}
