using Edge.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>Creates YARP's HTTP clients, which use <see cref="BackendConnector"/>.</summary>
internal sealed class BackendHttpClientFactory(BackendConnector connector, ILogger<ForwarderHttpClientFactory> logger)
    : ForwarderHttpClientFactory(logger)
{
    private static readonly HttpRequestOptionsKey<bool> HasLength = new("Content-Length");

    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        Configure(handler);
    }

    /// <summary>Settings that no cluster can change.</summary>
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

    // SocketsHttpHandler uses the first Content-Length and reuses the connection. The end of such a response is ambiguous, so the
    // connection must be closed (RFC 9112 §6.3). Only an exception while the head is read does that.
    private static void RefuseSecondLength(string name, HttpRequestMessage request)
    {
        if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && !request.Options.TryAdd(HasLength.Key, true))
        {
            throw new HttpIOException(HttpRequestError.InvalidResponse, "The response has more than one Content-Length.");
        }
    }
}
