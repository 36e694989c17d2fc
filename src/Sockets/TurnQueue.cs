using System.Net;
using System.Net.Sockets;

namespace Sockets;

/// <summary>
/// Where sockets that always have more to give wait for their next turn, so that they do not keep a socket thread for themselves. It is
/// served on a socket thread too, one turn between two looks at all sockets: other threads would take the bytes to other cores.
/// </summary>
/// <remarks>
/// What it relies on: the runtime has no way to queue work on a socket thread, so a datagram socket on loopback sends to itself, and the
/// completion of its receive (<see cref="InlineCompletions"/>) is the turn. There is a queue for each socket thread, and the runtime spreads
/// their sockets over the threads. Without inline completions, without a loopback, or when a datagram cannot be sent, the thread pool
/// serves the turns: slower, and in the same order.
/// </remarks>
internal sealed class TurnQueue : SocketAsyncEventArgs
{
    private static readonly TurnQueue[] Queues = [.. Enumerable.Range(0, SocketThreads.CountFor(Environment.ProcessorCount)).Select(static _ => new TurnQueue())];
    private static readonly byte[] Datagram = [0];
    private static uint _last;

    private readonly Lock _gate = new();

    // The first is the one whose turn it is, until it has had it.
    private readonly Queue<IThreadPoolWorkItem> _items = new();
    private readonly Socket? _socket;

    private TurnQueue()
        : base(true)
    {
        SetBuffer(new byte[1]);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.Connect(socket.LocalEndPoint!);
            InlineCompletions.Set(socket, true);
            _socket = socket;
            Arm();
        }
        catch (SocketException)
        {
            // No loopback here. The thread pool serves the turns then.
            socket.Dispose();
            _socket = null;
        }
    }

    /// <summary>Has it go on when its turn comes.</summary>
    public static void Enqueue(IThreadPoolWorkItem item) => Queues[Interlocked.Increment(ref _last) % (uint)Queues.Length].Add(item);

    /// <summary>The datagram came.</summary>
    protected override void OnCompleted(SocketAsyncEventArgs e)
    {
        // Waits again first: a datagram that the turn sends is then found after a look at all other sockets, not here and now.
        for (var calls = 1 + Arm(); calls > 0; calls--)
        {
            Take();
        }
    }

    private void Add(IThreadPoolWorkItem item)
    {
        lock (_gate)
        {
            _items.Enqueue(item);
            if (_items.Count > 1)
            {
                return;
            }
        }

        Call();
    }

    /// <summary>Has <see cref="Take"/> run; only one such call is under way at a time.</summary>
    private void Call()
    {
        if (_socket is null || _socket.Send(Datagram, SocketFlags.None, out var error) != 1 || error != SocketError.Success)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.Take(), this, preferLocal: false);
        }
    }

    private void Take()
    {
        IThreadPoolWorkItem item;
        lock (_gate)
        {
            item = _items.Peek();
        }

        item.Execute();
        lock (_gate)
        {
            _items.Dequeue();
            if (_items.Count == 0)
            {
                return;
            }
        }

        Call();
    }

    private int Arm()
    {
        // It waits, since the datagram that could be there was just received. Whatever else comes at once must not be lost.
        var calls = 0;
        while (!_socket!.ReceiveAsync(this))
        {
            calls++;
        }

        return calls;
    }
}
