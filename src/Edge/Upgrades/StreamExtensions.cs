using ControlPlane.Hosting;
using Relay.Streams;

namespace Edge.Upgrades;

/// <summary>Adds streams, which are upgraded connections, to the public host.</summary>
internal static class StreamExtensions
{
    /// <summary>Registers the relay of streams and its metrics.</summary>
    public static IServiceCollection AddStreams(this IServiceCollection services) => services
        .AddSingleton(new StreamRelayOptions())
        .AddStarted<StreamMetrics>()
        .AddSingleton<StreamRelay>();

    /// <summary>Registers the upgrade of requests to API servers into streams. Needs <see cref="AddStreams"/> and the proxy.</summary>
    public static IServiceCollection AddStreamUpgrades(this IServiceCollection services) => services
        .AddSingleton<StreamConnector>()
        .AddSingleton<TerminalHealth>()
        .AddSingleton<TerminalResumption>();

    /// <summary>Takes upgrades out of the proxy's pipeline. Comes last in it, after a destination was chosen.</summary>
    public static void UseStreamUpgrades(this IReverseProxyApplicationBuilder proxy) => proxy.UseMiddleware<StreamMiddleware>();
}
