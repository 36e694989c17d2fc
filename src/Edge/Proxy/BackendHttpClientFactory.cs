using Edge.Http;
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
        Configure(handler);
    }

    /// <summary>What the edge sets whatever the cluster says.</summary>
    internal void Configure(SocketsHttpHandler handler)
    {
        handler.ConnectCallback = connector.ConnectAsync;
        handler.PooledConnectionLifetime = ProxyDefaults.ConnectionLifetime;
        HeaderBytes.Apply(handler);
        var encodings = handler.ResponseHeaderEncodingSelector!;
        handler.ResponseHeaderEncodingSelector = (name, request) =>
        {
            RefuseSecondLength(name, request);
            return encodings(name, request);
        };
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) =>
        new FlushingBody(new AnswerRules(handler));

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
