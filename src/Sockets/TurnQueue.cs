using System.Net;
using System.Net.Sockets;

namespace Sockets;

/// <summary>
/// A queue of streams that always have bytes to read. They wait here for their next turn, so that none of them occupies a socket thread
/// permanently. A socket thread serves the queue too, one turn between two polls of all sockets: other threads would move the bytes to
/// other cores.
/// </summary>
/// <remarks>
/// .NET cannot queue work to a socket thread. Therefore a datagram socket on loopback sends to itself, and the completion of its receive
/// (<see cref="InlineCompletions"/>) runs one turn. There is one queue for each socket thread, and the runtime spreads the queues' sockets
/// over the threads. Without inline completions, without a loopback interface, or when a datagram cannot be sent, the thread pool runs the
/// turns: slower, but in the same order.
/// </remarks>
internal sealed class TurnQueue : SocketAsyncEventArgs
{
    private static readonly TurnQueue[] Queues =
        [.. Enumerable.Range(0, SocketThreads.CountFor(Environment.ProcessorCount)).Select(static _ => new TurnQueue())];
    private static readonly byte[] Datagram = [0];
    private static uint _last;

    private readonly Lock _gate = new();

    // The first item is the one whose turn it is; it stays in the queue until its turn is over.
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
            // There is no loopback interface; the thread pool runs the turns.
            socket.Dispose();
            _socket = null;
        }
    }

    /// <summary>Queues an item, which runs when its turn comes.</summary>
    public static void Enqueue(IThreadPoolWorkItem item) => Queues[Interlocked.Increment(ref _last) % (uint)Queues.Length].Add(item);

    /// <summary>Called when the datagram has arrived.</summary>
    protected override void OnCompleted(SocketAsyncEventArgs e)
    {
        // The next receive begins before the turn: a datagram that the turn sends is then received after a poll of all other sockets.
        for (var turns = 1 + Arm(); turns > 0; turns--)
        {
            RunTurn();
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

        ScheduleTurn();
    }

    /// <summary>Schedules one run of <see cref="RunTurn"/>. At most one is scheduled at a time.</summary>
    private void ScheduleTurn()
    {
        if (_socket is null || _socket.Send(Datagram, SocketFlags.None, out var error) != 1 || error != SocketError.Success)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.RunTurn(), this, preferLocal: false);
        }
    }

    private void RunTurn()
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

        ScheduleTurn();
    }

    private int Arm()
    {
        // Usually the receive waits, because the only datagram was just received. A datagram received at once counts as a turn.
        var turns = 0;
        while (!_socket!.ReceiveAsync(this))
        {
            turns++;
        }

        return turns;
    }
}
