namespace Relay.Sockets;

/// <summary>
/// Where sockets that always have more to give wait for their next turn, so that they do not keep a socket thread for themselves. Threads
/// of its own serve it: the pool's may all be busy with requests.
/// </summary>
internal static class TurnQueue
{
    private static readonly Lock Gate = new();
    private static readonly Queue<IThreadPoolWorkItem> Waiting = new();
    private static readonly SemaphoreSlim Signal = new(0);
    private static int _threads;

    /// <summary>As many as there are threads for sockets.</summary>
    private static int MostThreads => SocketThreads.CountFor(Environment.ProcessorCount);

    /// <summary>Has it go on when its turn comes.</summary>
    public static void Enqueue(IThreadPoolWorkItem item)
    {
        var start = false;
        lock (Gate)
        {
            Waiting.Enqueue(item);
            if (_threads < MostThreads && Waiting.Count > _threads)
            {
                _threads++;
                start = true;
            }
        }

        if (start)
        {
            new Thread(Run) { IsBackground = true, Name = "edge turns" }.UnsafeStart();
        }

        Signal.Release();
    }

    private static void Run()
    {
        while (true)
        {
            Signal.Wait();
            IThreadPoolWorkItem item;
            lock (Gate)
            {
                item = Waiting.Dequeue();
            }

            item.Execute();
        }
    }
}
