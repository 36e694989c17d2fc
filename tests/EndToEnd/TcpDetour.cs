using System.Net;
using System.Net.Sockets;

namespace EndToEnd;

/// <summary>
/// An address that stays while what is behind it comes and goes: nodes of a mesh have to know each other's before they have started,
/// and listen on ports that nobody chose.
/// </summary>
internal sealed class TcpDetour : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Task _accepting;
    private volatile Uri? _target;

    public TcpDetour()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://{_listener.LocalEndpoint}";

    /// <summary>Where connections lead from now on; without it they are closed.</summary>
    public Uri? Target
    {
        get => _target;
        set => _target = value;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        var carried = new List<Task>();
        try
        {
            while (true)
            {
                carried.Add(CarryAsync(await _listener.AcceptSocketAsync()));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(carried).WaitAsync(Patience);
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var near = new NetworkStream(client, ownsSocket: true);
        if (_target is not { } target)
        {
            return;
        }

        try
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            using var far = new NetworkStream(await ConnectedAsync(socket, target), ownsSocket: true);
            await Task.WhenAny(near.CopyToAsync(far), far.CopyToAsync(near));
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            return; // The end of either side is the end of both.
        }
    }

    private static async Task<Socket> ConnectedAsync(Socket socket, Uri target)
    {
        await socket.ConnectAsync(IPAddress.Loopback, target.Port);
        return socket;
    }
}
