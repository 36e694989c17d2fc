using Edge.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>YARP's HTTP clients, with connections of <see cref="BackendConnector"/>.</summary>
internal sealed class BackendHttpClientFactory(BackendConnector connector, ILogger<ForwarderHttpClientFactory> logger)
    : ForwarderHttpClientFactory(logger)
{
    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        handler.ConnectCallback = connector.ConnectAsync;

        HeaderBytes.Apply(handler);
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) => new FlushingBody(new AnswerRules(handler));
}
