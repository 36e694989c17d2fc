using System.Net.Sockets;

namespace Edge.LocalAgent;

/// <summary>HTTP over the agent's Unix socket.</summary>
internal static class AgentSocketClient
{
    /// <summary>The host is not looked at.</summary>
    public static readonly Uri Base = new("http://agent");

    /// <summary>A client without a time-out of its own.</summary>
    public static HttpClient Create(string path) => new(CreateHandler(path)) { Timeout = Timeout.InfiniteTimeSpan };

    private static SocketsHttpHandler CreateHandler(string path) => new()
    {
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
