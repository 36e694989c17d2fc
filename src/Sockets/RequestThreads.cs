using System.Net.Sockets;

namespace Sockets;

/// <summary>
/// Threads that wait for requests on sockets and handle these requests themselves. No other thread is woken, which at a few hundred
/// requests a second costs as much as the request.
/// </summary>
/// <remarks>
/// All threads wait on one epoll instance, which wakes the thread that began to wait last: under low load that is always the same one. A
/// request may block or compute for any time, because the last waiting thread handles no request itself: it queues the work to the thread
/// pool and waits again. The sockets of streams and DERP do not wait here; they use the runtime's socket threads
/// (<see cref="InlineCompletions"/>).
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

    /// <summary>The request threads of this process, one more than there are processors; null on systems other than Linux.</summary>
    public static RequestThreads? Shared { get; } = TryStart(Environment.ProcessorCount + 1);

    /// <summary>Whether all threads wait, so that the next request does not go to the thread pool.</summary>
    internal bool AreIdle => Volatile.Read(ref _waiting) == _count;

    /// <summary>
    /// Begins a one-shot wait until the socket has bytes, its end or an error. <see cref="RequestWait.Ready"/> then runs on any thread.
    /// </summary>
    /// <param name="wait">The wait.</param>
    /// <param name="socket">The wait's socket.</param>
    /// <param name="file">The socket's file number; below 0 before the first wait.</param>
    /// <returns>False when the socket is closed.</returns>
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
            Register(file, wait);
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

    /// <summary>Removes a wait whose socket is closed.</summary>
    internal void Unregister(RequestWait wait, int file)
    {
        lock (_gate)
        {
            if (_waits[file] == wait)
            {
                _waits[file] = null;
            }
        }
    }

    /// <summary>Starts threads that run until the process ends; null on systems without epoll.</summary>
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

            // The event may be one of an earlier socket with the same file number. Then the receive finds nothing and waits again.
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

    private void Register(int file, RequestWait wait)
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
