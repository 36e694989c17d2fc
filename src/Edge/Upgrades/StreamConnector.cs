using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Edge.Proxy;
using Relay.Streams;
using Yarp.ReverseProxy.Configuration;

namespace Edge.Upgrades;

/// <summary>Opens connections to API servers for streams, with the TLS settings of their cluster.</summary>
internal sealed class StreamConnector(BackendConnector connector)
{
    /// <exception cref="HttpRequestException">The connection failed; the message gives the reason. Nothing was sent.</exception>
    public async Task<SocketTransport> ConnectAsync(Uri destination, HttpClientConfig? settings, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(ProxyDefaults.ConnectTimeout);
        Socket? socket = null;
        try
        {
            socket = await connector.ConnectAsync(new DnsEndPoint(destination.IdnHost, destination.Port), timeout.Token);
            return destination.Scheme == Uri.UriSchemeHttps
                ? await SocketTransport.AuthenticateAsClientAsync(socket, OptionsFor(destination, settings), timeout.Token)
                : new SocketTransport(socket);
        }
        catch (Exception error) when (error is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            socket?.Dispose();
            cancellation.ThrowIfCancellationRequested();
            var kind = error is AuthenticationException ? HttpRequestError.SecureConnectionError : HttpRequestError.ConnectionError;
            throw new HttpRequestException(kind, error.Message, error);
        }
    }

    private static SslClientAuthenticationOptions OptionsFor(Uri destination, HttpClientConfig? settings)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = destination.IdnHost };
        if (settings?.SslProtocols is { } protocols)
        {
            options.EnabledSslProtocols = protocols;
        }

        var acceptsAny = settings?.DangerousAcceptAnyServerCertificate is true;
        options.RemoteCertificateValidationCallback = (_, _, _, errors) => acceptsAny || errors is SslPolicyErrors.None;
        return options;
    }
}
