using System.Net;
using System.Net.Sockets;
using Relay.Streams;

namespace Edge.Proxy;

/// <summary>
/// Opens connections to API servers, for requests and for streams alike: TCP, or the embedded server's Unix socket.
/// </summary>
internal sealed class BackendConnector(string? apiSocket)
{
    /// <summary>The host name of the embedded API server; <c>.invalid</c> never resolves (RFC 6761 §6.4).</summary>
    public const string EmbeddedHost = "api.edge.invalid";

    /// <summary>A connected socket. Throws <see cref="SocketException"/>, and <see cref="OperationCanceledException"/> on cancellation.</summary>
    public async Task<Socket> ConnectAsync(DnsEndPoint target, CancellationToken cancellation)
    {
        var embedded = apiSocket is not null && target.Host.Equals(EmbeddedHost, StringComparison.OrdinalIgnoreCase);
        var socket = embedded
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // An idle long poll has no time-out: keep-alive finds the server that vanished without a word.
            TcpLiveness.Apply(socket);
            EndPoint endpoint = embedded ? new UnixDomainSocketEndPoint(apiSocket!) : target;
            await socket.ConnectAsync(endpoint, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The same for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation) =>
        new NetworkStream(await ConnectAsync(context.DnsEndPoint, cancellation), ownsSocket: true);
}
