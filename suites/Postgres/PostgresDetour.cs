using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Tests;

/// <summary>A way to the server that can be closed, or go silent, for one test, while all others go on using the server.</summary>
internal sealed class PostgresDetour : IDisposable
{
    private readonly ConcurrentBag<Socket> _carried = [];
    private TcpListener _listener;

    public PostgresDetour()
    {
        _listener = Listen(0);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>The keywords that lead this way, in front of others.</summary>
    public string Server => FormattableString.Invariant($"Host=127.0.0.1;Port={Port};Username=edge;Maximum Pool Size=8");

    /// <summary>Connections are refused, and those that stand are cut.</summary>
    public void Close()
    {
        _listener.Dispose();
        foreach (var socket in _carried)
        {
            socket.Close(timeout: 0);
        }
    }

    public void Open() => _listener = Listen(Port);

    public void Dispose() => Close();

    private TcpListener Listen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        _ = AcceptAsync(listener);
        return listener;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(await listener.AcceptSocketAsync());
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task CarryAsync(Socket client)
    {
        var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _carried.Add(client);
        _carried.Add(server);
        try
        {
            await server.ConnectAsync(new UnixDomainSocketEndPoint(Cluster.SocketPath));
            using var near = new NetworkStream(client, ownsSocket: true);
            using var far = new NetworkStream(server, ownsSocket: true);
            await Task.WhenAny(near.CopyToAsync(far), far.CopyToAsync(near));
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // When one side closes, so does the other.
        }
    }
}
