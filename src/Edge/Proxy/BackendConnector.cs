using System.Net;
using System.Net.Sockets;
using Edge.Listeners;
using Relay.Streams;
using Sockets;

namespace Edge.Proxy;

/// <summary>
/// Opens connections to API servers: TCP, or to the embedded one its Unix socket, for streams and probes. Its requests need none (<see cref="EmbeddedApi"/>).
/// </summary>
/// <param name="embedded">The embedded API server's socket; null when there is none.</param>
/// <param name="timeout">How long a connection may take to stand.</param>
internal sealed class BackendConnector(string? embedded, TimeSpan timeout)
{
    /// <summary>The host name of the embedded API server; <c>.invalid</c> never resolves (RFC 6761 §6.4).</summary>
    public const string EmbeddedHost = "api.edge.invalid";

    /// <summary>A connected socket.</summary>
    /// <exception cref="SocketException">The server refused, or did not answer in time: a failure to connect like any other.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<Socket> ConnectAsync(DnsEndPoint target, CancellationToken cancellation)
    {
        var api = FindEmbedded(target);
        var socket = api is not null
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // An idle long poll has no time-out: keep-alive finds the server that vanished without a word.
            TcpLiveness.Apply(socket);
            EndPoint endpoint = api is not null ? new UnixDomainSocketEndPoint(api) : target;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(timeout);
            await socket.ConnectAsync(endpoint, patience.Token);
            return DescriptorReserve.Includes(socket, DescriptorReserve.Backends)
                ? throw new SocketException((int)SocketError.TooManyOpenSockets)
                : socket;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The same for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = await ConnectAsync(context.DnsEndPoint, cancellation);
        return RequestThreads.Shared is { } threads ? new RequestStream(socket, threads) : new NetworkStream(socket, ownsSocket: true);
    }

    private string? FindEmbedded(DnsEndPoint target) => target.Host.Equals(EmbeddedHost, StringComparison.OrdinalIgnoreCase) ? embedded : null;
}
