using System.Net;
using System.Net.Sockets;
using Edge.Listeners;
using Relay.Streams;
using Sockets;

namespace Edge.Proxy;

/// <summary>
/// Opens connections to API servers: TCP, or the Unix socket of the embedded one. The embedded API server needs connections only
/// for streams and probes; <see cref="EmbeddedApi"/> runs its requests inside the process.
/// </summary>
/// <param name="embedded">The embedded API server's socket; null without one.</param>
/// <param name="timeout">The time to connect.</param>
internal sealed class BackendConnector(string? embedded, TimeSpan timeout)
{
    /// <summary>The host name of the embedded API server. Names under <c>.invalid</c> never resolve (RFC 6761 §6.4).</summary>
    public const string EmbeddedHost = "api.edge.invalid";

    /// <summary>Connects to an API server.</summary>
    /// <exception cref="SocketException">The connection failed. A timeout is an error like the others here.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public async Task<Socket> ConnectAsync(DnsEndPoint target, CancellationToken cancellation)
    {
        var api = FindEmbedded(target);
        var socket = api is not null
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // An idle long poll has no timeout. TCP keep-alive detects a server that vanished.
            TcpLiveness.Apply(socket);
            EndPoint endpoint = api is not null ? new UnixDomainSocketEndPoint(api) : target;
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(timeout);
            await socket.ConnectAsync(endpoint, deadline.Token);
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

    /// <summary>Connects for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = await ConnectAsync(context.DnsEndPoint, cancellation);
        return RequestThreads.Shared is { } threads ? new RequestStream(socket, threads) : new NetworkStream(socket, ownsSocket: true);
    }

    private string? FindEmbedded(DnsEndPoint target) =>
        target.Host.Equals(EmbeddedHost, StringComparison.OrdinalIgnoreCase) ? embedded : null;
}
