using System.Net.Sockets;

namespace Edge.LocalAgent;

/// <summary>HTTP over the agent's Unix socket.</summary>
internal static class AgentSocketClient
{
    /// <summary>The host is not looked at.</summary>
    public static readonly Uri Base = new("http://agent");

    /// <summary>A client without a time-out of its own.</summary>
    public static HttpClient Create(string path) => new(CreateHandler(path)) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>A connection to the agent.</summary>
    /// <exception cref="SocketException">It does not listen.</exception>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SocketsHttpHandler CreateHandler(string path) => new()
    {
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = async (_, cancellation) => new NetworkStream(await ConnectAsync(path, cancellation), ownsSocket: true),
    };
}
