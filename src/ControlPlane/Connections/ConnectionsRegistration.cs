using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Connections;

/// <summary>Agents' connections: those to this server, and its own to them.</summary>
internal static class ConnectionsRegistration
{
    public static IServiceCollection AddAgentConnections(this IServiceCollection services) => services
        .AddSingleton<AgentConnectionStore>()
        .AddSingleton<AgentMonitor>()
        .AddSingleton<AgentReach>();
}
