using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Relay.Derp;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.Derp.Mesh;

/// <summary>Connects to another server of the mesh like a client: TCP, TLS, HTTP upgrade. One connection at a time.</summary>
internal sealed class MeshDialer(MeshAddress address, DerpServer server, TimeProvider time) : IAsyncDisposable
{
    // The time until the answer to the upgrade (derp.md §4.2).
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private SocketTransport? _open;

    /// <exception cref="IOException">The connection failed; the message gives the reason.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public async Task<DerpTransport> ConnectAsync(CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            server.Tune(socket);
            await socket.ConnectAsync(new DnsEndPoint(address.DialHost ?? address.Url.IdnHost, address.Url.Port), either.Token);
            _open = address.Url.Scheme == Uri.UriSchemeHttps
                ? await SocketTransport.AuthenticateAsClientAsync(
                    socket, new SslClientAuthenticationOptions { TargetHost = address.Url.IdnHost }, either.Token)
                : new SocketTransport(socket);
            return await UpgradeAsync(_open, either.Token);
        }
        catch (Exception error) when (error is SocketException or AuthenticationException or OperationCanceledException or IOException)
        {
            socket.Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw new IOException(error is OperationCanceledException ? "the connection took more than 10 s" : error.Message, error);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_open is not null)
        {
            await _open.DisposeAsync();
        }
    }

    private async Task<DerpTransport> UpgradeAsync(SocketTransport transport, CancellationToken cancellation)
    {
        var request = new UpgradeRequest(
            address.Url.PathAndQuery,
            [new HttpHeader("Host", address.Url.Authority), new HttpHeader("Connection", "Upgrade"), new HttpHeader("Upgrade", "DERP")]);
        return await BackendUpgrade.SendAsync(transport, request, new UpgradeOptions { Timeout = Timeout }, time, cancellation) switch
        {
            UpgradeAccepted => new DerpTransport(transport.Input, new DerpPipeOutput(transport.Output)),
            UpgradeRefused refused => throw new IOException($"the answer to the upgrade was {refused.Head.Status}"),
            UpgradeFailed failed => throw new IOException($"the upgrade failed: {failed.Failure}"),
            var other => throw new InvalidOperationException(other.ToString()),
        };
    }
}
