using System.Text;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>YARP's HTTP clients, with connections of <see cref="BackendConnector"/>.</summary>
internal sealed class BackendHttpClientFactory(BackendConnector connector, ILogger<ForwarderHttpClientFactory> logger)
    : ForwarderHttpClientFactory(logger)
{
    private static readonly HttpRequestOptionsKey<bool> HasLength = new("Content-Length");

    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        handler.ConnectCallback = connector.ConnectAsync;

        // Header bytes above ASCII pass as they came, in both directions, unless the operator chose an encoding.
        handler.RequestHeaderEncodingSelector ??= static (_, _) => Encoding.Latin1;
        var chosen = handler.ResponseHeaderEncodingSelector;
        handler.ResponseHeaderEncodingSelector = (name, request) =>
        {
            RefuseSecondLength(name, request);
            return chosen is null ? Encoding.Latin1 : chosen(name, request);
        };
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) => new FlushingBody(new NoUpgrades(handler));

    // The HTTP client would take the first length and then reuse the connection. Nobody knows where such an answer ends, so that the
    // connection must be closed (RFC 9112 §6.3); only an exception while the head is read does that.
    private static void RefuseSecondLength(string name, HttpRequestMessage request)
    {
        if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && !request.Options.TryAdd(HasLength.Key, true))
        {
            throw new HttpIOException(HttpRequestError.InvalidResponse, "The answer has more than one Content-Length.");
        }
    }
}
