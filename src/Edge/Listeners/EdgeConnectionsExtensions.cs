using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Edge.Listeners;

/// <summary>Adds the connection limits and the edge's own sockets to a host and to its endpoints.</summary>
internal static class EdgeConnectionsExtensions
{
    /// <summary>Registers the limits and the trusted proxies, which all listeners of the host share.</summary>
    public static IServiceCollection AddEdgeConnections(this IServiceCollection services, EdgeConnectionOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(options.TrustedProxies);
        services.AddSingleton<EdgeConnections>();

        return services.AddSocketListeners(DescriptorReserve.Public).AddAccessMetrics();
    }

    /// <summary>Makes the host use <see cref="SocketListener"/>s, which leave <paramref name="reserve"/> descriptors free.</summary>
    public static IServiceCollection AddSocketListeners(this IServiceCollection services, int reserve)
    {
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<AcceptErrors>();

        // The server uses the factory that was registered last.
        return services.AddSingleton<IConnectionListenerFactory>(
            provider => ActivatorUtilities.CreateInstance<SocketListenerFactory>(provider, reserve));
    }

    /// <summary>Adds the connection limits to an endpoint, before TLS. Needs <see cref="AddEdgeConnections"/>.</summary>
    public static void UseEdgeConnections(this ListenOptions listen)
    {
        var connections = listen.ApplicationServices.GetRequiredService<EdgeConnections>();
        listen.Use(next => connection => connections.OnConnectionAsync(connection, next));
    }

    /// <summary>Lets streams take the endpoint's TLS connections from the HTTP layer. Comes right after TLS.</summary>
    public static void UseTlsHandover(this ListenOptions listen)
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
