using System.Net;
using System.Net.Sockets;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>
/// Probes a relay over HTTP with <c>GET /derp/probe</c>, the latency probe of DERP clients without UDP, at the relay's address and port.
/// </summary>
internal sealed class RelayProbe : IDisposable
{
    private const int MaxHeadKilobytes = 16;

    private static readonly HttpRequestOptionsKey<Node> Relay = new("relay");

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        MaxResponseHeadersLength = MaxHeadKilobytes,
        MaxResponseDrainSize = 0,
        ConnectCallback = static (context, cancellationToken) => ConnectAsync(context, cancellationToken),
    });

    /// <summary>Whether the relay answers 200. Any error, and the cancellation, count as a failure.</summary>
    /// <param name="relay">The relay.</param>
    /// <param name="cancellationToken">The timeout.</param>
    public async Task<bool> SucceedsAsync(Node relay, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, AddressOf(relay)) { Version = HttpVersion.Version11 };

            // Each probe must open a new connection, as a new client does.
            request.Headers.ConnectionClose = true;
            request.Options.Set(Relay, relay);
            using var response = await _client.SendAsync(request, cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception exception) when (exception is HttpRequestException
            or IOException
            or OperationCanceledException
            or UriFormatException)
        {
            return false;
        }
    }

    public void Dispose() => _client.Dispose();

    /// <summary>The URL of the relay's probe.</summary>
    internal static Uri AddressOf(Node relay) => new UriBuilder(
        relay.ForceHttp ? Uri.UriSchemeHttp : Uri.UriSchemeHttps,
        relay.HostName,
        relay.DerpPort > 0 ? relay.DerpPort : relay.ForceHttp ? 80 : 443,
        "/derp/probe").Uri;

    /// <summary>Connects to the address in the map, if it has one, else to the host name, as clients do.</summary>
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        context.InitialRequestMessage.Options.TryGetValue(Relay, out var relay);
        var host = IPAddress.TryParse(relay?.Ipv4, out _) ? relay.Ipv4
            : IPAddress.TryParse(relay?.Ipv6, out _) ? relay.Ipv6
            : context.DnsEndPoint.Host;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
