using System.Net.Sockets;

namespace Edge.LocalAgent;

/// <summary>HTTP over the agent's Unix socket.</summary>
internal static class AgentSocketClient
{
    /// <summary>The agent ignores the host name.</summary>
    public static readonly Uri Base = new("http://agent");

    /// <summary>A client without a timeout: callers pass a token.</summary>
    public static HttpClient Create(string path) => new(CreateHandler(path)) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Connects to the agent.</summary>
    /// <exception cref="SocketException">The agent does not listen.</exception>
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
