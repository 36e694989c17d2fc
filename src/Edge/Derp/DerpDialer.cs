using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Relay.Derp;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.Derp;

/// <summary>Connects to a DERP server as a client: TCP, TLS, HTTP upgrade to <c>/derp</c>.</summary>
internal static class DerpDialer
{
    private const string Path = "/derp";

    // The time until the answer to the upgrade (derp.md §4.2).
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>Connects. The caller disposes the result after the end of DERP.</summary>
    /// <param name="target">The server.</param>
    /// <param name="tune">Sets socket options before the connect; null for none.</param>
    /// <param name="time">The clock of the time-out.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="IOException">The connection failed; the message gives the reason.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public static async Task<SocketTransport> ConnectAsync(
        DerpTarget target, Action<Socket>? tune, TimeProvider time, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SocketTransport? transport = null;
        try
        {
            tune?.Invoke(socket);
            await socket.ConnectAsync(new DnsEndPoint(target.DialHost, target.Port), either.Token);
            transport = target.Tls is { } tls
                ? await SocketTransport.AuthenticateAsClientAsync(socket, tls, either.Token)
                : new SocketTransport(socket);
            await UpgradeAsync(transport, target, time, either.Token);
            return transport;
        }
        catch (Exception error) when (error is SocketException or AuthenticationException or OperationCanceledException or IOException)
        {
            await (transport?.DisposeAsync() ?? ValueTask.CompletedTask);
            socket.Dispose();
            cancellation.ThrowIfCancellationRequested();
            if (error is UpgradeRefusedException)
            {
                throw;
            }

            throw new IOException(error is OperationCanceledException ? "the connection took more than 10 s" : error.Message, error);
        }
    }

    /// <summary>The transport for DERP on a connection that <see cref="ConnectAsync"/> has opened.</summary>
    public static DerpTransport TransportOf(SocketTransport connection) =>
        new(connection.Input, new DerpPipeOutput(connection.Output));

    private static async Task UpgradeAsync(SocketTransport transport, DerpTarget target, TimeProvider time, CancellationToken cancellation)
    {
        List<HttpHeader> headers = [new("Host", target.Authority), new("Connection", "Upgrade"), new("Upgrade", "DERP")];
        if (target.Token is { } token)
        {
            headers.Add(new("Authorization", "Bearer " + token));
        }

        var request = new UpgradeRequest(Path, headers);
        switch (await BackendUpgrade.SendAsync(transport, request, new UpgradeOptions { Timeout = Timeout }, time, cancellation))
        {
            case UpgradeAccepted:
                return;
            case UpgradeRefused refused:
                throw new UpgradeRefusedException(refused.Head.Status);
            case UpgradeFailed failed:
                throw new IOException($"the upgrade failed: {failed.Failure}");
            case var other:
                throw new InvalidOperationException(other.ToString());
        }
    }
}

/// <summary>The server answered the upgrade with another status than 101.</summary>
/// <param name="status">The status.</param>
internal sealed class UpgradeRefusedException(int status) : IOException($"the answer to the upgrade was {status}")
{
    public int Status { get; } = status;
}

/// <summary>A DERP server to connect to.</summary>
/// <param name="DialHost">The host name or address of the TCP connection.</param>
/// <param name="Port">The TCP port.</param>
/// <param name="Authority">The value of the header <c>Host</c>.</param>
/// <param name="Tls">The requirements on the server's certificate; null for no TLS.</param>
/// <param name="Token">The bearer token of a relay that requires one; null for none.</param>
internal sealed record DerpTarget(
    string DialHost, int Port, string Authority, SslClientAuthenticationOptions? Tls, string? Token = null);
