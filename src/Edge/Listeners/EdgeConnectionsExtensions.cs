using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Edge.Listeners;

/// <summary>How the host takes these parts in.</summary>
internal static class EdgeConnectionsExtensions
{
    /// <summary>Registers the limits and the trusted proxies, shared by all listeners of this host.</summary>
    public static IServiceCollection AddEdgeConnections(this IServiceCollection services, EdgeConnectionOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(options.TrustedProxies);
        services.AddSingleton<EdgeConnections>();

        return services.AddSocketListeners(DescriptorReserve.Public).AddAccessMetrics();
    }

    /// <summary>Has the host listen with <see cref="SocketListener"/>, which leaves <paramref name="reserve"/> descriptors for the process.</summary>
    public static IServiceCollection AddSocketListeners(this IServiceCollection services, int reserve)
    {
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<AcceptErrors>();

        // The server asks the factory that was registered last.
        return services.AddSingleton<IConnectionListenerFactory>(
            provider => ActivatorUtilities.CreateInstance<SocketListenerFactory>(provider, reserve));
    }

    /// <summary>
    /// For <c>ConfigureEndpointDefaults</c>: it has to come before TLS. Needs <see cref="AddEdgeConnections"/>.
    /// </summary>
    public static void UseEdgeConnections(this ListenOptions listen)
    {
        var connections = listen.ApplicationServices.GetRequiredService<EdgeConnections>();
        listen.Use(next => connection => connections.OnConnectionAsync(connection, next));
    }

    /// <summary>After TLS has been added to an endpoint: lets streams take its connections from the HTTP layer.</summary>
    public static void KeepTls(this ListenOptions listen)
    {
        var connections = listen.ApplicationServices.GetRequiredService<EdgeConnections>();
        listen.Use(next => new TlsHandoverMiddleware(connections, next).OnConnectionAsync);
    }

    internal static IServiceCollection AddAccessMetrics(this IServiceCollection services)
    {
        services.AddMetrics();
        services.TryAddSingleton<AccessMetrics>();
        services.TryAddSingleton(TimeProvider.System);
        return services;
    }
}
