using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Connections;

/// <summary>Registers the connections of agents to this server, and of this server to agents.</summary>
internal static class ConnectionsRegistration
{
    public static IServiceCollection AddAgentConnections(this IServiceCollection services) => services
        .AddSingleton<AgentConnectionStore>()
        .AddSingleton<AgentMonitor>()
        .AddSingleton<AgentReach>();
}
