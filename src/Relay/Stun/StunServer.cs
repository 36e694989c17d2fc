using System.Net;
using System.Net.Sockets;

namespace Relay.Stun;

/// <summary>
/// Answers STUN binding requests (stun.md), each from the address that it was sent to (RFC 8489 §6.3.1.2). Each bound address has a socket
/// and a thread of its own: clients measure the latency, which a busy relay must not increase.
/// </summary>
public sealed class StunServer : IDisposable
{
    // A longer datagram is no request. The system cuts it off.
    private const int MaxDatagram = 1500;

    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private readonly long[] _counts = new long[(int)StunCount.Last];
    private volatile bool _isOver;

    /// <summary>Binds the addresses and starts the threads.</summary>
    /// <param name="endPoints">The addresses; port 0 for any port.</param>
    /// <exception cref="SocketException">An address cannot be bound. Then none is.</exception>
    public StunServer(IReadOnlyList<IPEndPoint> endPoints)
        : this(endPoints, static socket => PacketInformation.TryEnable(socket, MaxDatagram))
    {
    }

    internal StunServer(IReadOnlyList<IPEndPoint> endPoints, Func<Socket, PacketInformation?> packetInformation)
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
            // A socket that is bound to one address sends from that address anyway.
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            var isAny = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
            var information = isAny ? packetInformation(socket) : null;
            var thread = new Thread(() => Serve(socket, information))
            {
                IsBackground = true,
                Name = "stun",
                Priority = ThreadPriority.AboveNormal,
            };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>The bound addresses.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints => [.. _sockets.Select(static socket => (IPEndPoint)socket.LocalEndPoint!)];

    internal long this[StunCount count] => Volatile.Read(ref _counts[(int)count]);

    /// <summary>Closes the sockets and waits for the threads.</summary>
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

    private void Serve(Socket socket, PacketInformation? information)
    {
        var request = new byte[MaxDatagram];
        var response = new byte[StunBinding.MaxResponseLength];
        var from = new SocketAddress(socket.AddressFamily);
        var template = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_isOver)
        {
            var length = information is null ? Receive(socket, request, from) : Receive(information);
            if (length < 0)
            {
                if (!_isOver)
                {
                    // For instance an ICMP error of an earlier answer. The short wait keeps a permanent error from using a whole CPU.
                    Count(StunCount.ReadError);
                    Thread.Sleep(10);
                }

                continue;
            }

            var datagram = information is null ? request.AsSpan(0, length) : information.Data(length);
            if (!StunBinding.TryReadRequest(datagram, out var transaction))
            {
                Count(StunCount.NotStun);
                continue;
            }

            information?.CopySender(from);
            var client = (IPEndPoint)template.Create(from);
            var isV4 = client.AddressFamily == AddressFamily.InterNetwork || client.Address.IsIPv4MappedToIPv6;
            Count(isV4 ? StunCount.IPv4 : StunCount.IPv6);
            var answer = response.AsSpan(0, StunBinding.WriteResponse(response, transaction, client));
            var isSent = information is null ? TryAnswer(socket, from, answer) : TryAnswer(information, answer);
            Count(isSent ? StunCount.Success : StunCount.WriteError);
        }
    }

    private static int Receive(Socket socket, byte[] request, SocketAddress from)
    {
        try
        {
            return socket.ReceiveFrom(request, SocketFlags.None, from);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return -1;
        }
    }

    private static int Receive(PacketInformation information)
    {
        try
        {
            return information.Receive();
        }
        catch (ObjectDisposedException)
        {
            return -1;
        }
    }

    private static bool TryAnswer(Socket socket, SocketAddress to, ReadOnlySpan<byte> answer)
    {
        try
        {
            socket.SendTo(answer, SocketFlags.None, to);
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static bool TryAnswer(PacketInformation information, ReadOnlySpan<byte> answer)
    {
        try
        {
            return information.TryAnswer(answer);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    private void Count(StunCount count) => Interlocked.Increment(ref _counts[(int)count]);
}
