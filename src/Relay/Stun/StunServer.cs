using System.Net;
using System.Net.Sockets;

namespace Relay.Stun;

/// <summary>
/// Answers STUN binding requests (derp.md §5). Each address has a socket and a thread of its own, so that a busy relay does not
/// make clients think that they are far away.
/// </summary>
public sealed class StunServer : IDisposable
{
    // Longer datagrams than this are no requests; the rest of them is cut off by the system.
    private const int MaxDatagram = 1500;

    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private readonly long[] _counts = new long[(int)StunCount.Last];
    private volatile bool _isOver;

    /// <summary>Binds the addresses, and starts to answer.</summary>
    /// <param name="endPoints">The addresses; port 0 for any.</param>
    /// <exception cref="SocketException">An address cannot be bound; none is then.</exception>
    public StunServer(IReadOnlyList<IPEndPoint> endPoints)
    {
        ArgumentNullException.ThrowIfNull(endPoints);
        try
        {
            foreach (var endPoint in endPoints)
            {
                _sockets.Add(Bind(endPoint));
            }
        }
        catch (SocketException)
        {
            _sockets.ForEach(static socket => socket.Dispose());
            throw;
        }

        foreach (var socket in _sockets)
        {
            var thread = new Thread(() => Serve(socket)) { IsBackground = true, Name = "stun", Priority = ThreadPriority.AboveNormal };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>The addresses bound.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints => [.. _sockets.Select(static socket => (IPEndPoint)socket.LocalEndPoint!)];

    internal long this[StunCount count] => Volatile.Read(ref _counts[(int)count]);

    /// <summary>Stops to answer.</summary>
    public void Dispose()
    {
        _isOver = true;
        _sockets.ForEach(static socket => socket.Dispose());
        _threads.ForEach(static thread => thread.Join());
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private void Serve(Socket socket)
    {
        var request = new byte[MaxDatagram];
        var response = new byte[StunBinding.MaxResponseLength];
        var from = new SocketAddress(socket.AddressFamily);
        var template = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_isOver)
        {
            int length;
            try
            {
                length = socket.ReceiveFrom(request, SocketFlags.None, from);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                if (!_isOver)
                {
                    // An ICMP error of an earlier answer, for instance. Counted; a short wait keeps a lasting one from burning CPU.
                    Count(StunCount.ReadError);
                    Thread.Sleep(10);
                }

                continue;
            }

            if (!StunBinding.TryReadRequest(request.AsSpan(0, length), out var transaction))
            {
                Count(StunCount.NotStun);
                continue;
            }

            var client = (IPEndPoint)template.Create(from);
            var isV4 = client.AddressFamily == AddressFamily.InterNetwork || client.Address.IsIPv4MappedToIPv6;
            Count(isV4 ? StunCount.IPv4 : StunCount.IPv6);
            Answer(socket, from, response.AsSpan(0, StunBinding.WriteResponse(response, transaction, client)));
        }
    }

    private void Answer(Socket socket, SocketAddress to, ReadOnlySpan<byte> response)
    {
        try
        {
            socket.SendTo(response, SocketFlags.None, to);
            Count(StunCount.Success);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            Count(StunCount.WriteError);
        }
    }

    private void Count(StunCount count) => Interlocked.Increment(ref _counts[(int)count]);
}
