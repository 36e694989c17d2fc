using Yarp.ReverseProxy.Forwarder;

namespace Edge.Proxy;

/// <summary>YARP's HTTP clients, with connections of <see cref="BackendConnector"/>.</summary>
internal sealed class BackendHttpClientFactory(BackendConnector connector, ILogger<ForwarderHttpClientFactory> logger)
    : ForwarderHttpClientFactory(logger)
{
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

        // Header bytes above ASCII pass as they came, in both directions, unless the operator chose an encoding.
        handler.RequestHeaderEncodingSelector ??= static (_, _) => System.Text.Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector ??= static (_, _) => System.Text.Encoding.Latin1;
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) => new FlushingBody(new NoUpgrades(handler));
}
