using ControlPlane.Agents;
using ControlPlane.Declarations;
using Tailnet.Messages;
using Tailnet.Services;
using Agent = ControlPlane.Agents.Agent;

namespace ControlPlane.Manifests;

/// <summary>The manifest that an agent gets by REST and by RPC.</summary>
/// <param name="Agent">The agent as the database has it now.</param>
/// <param name="Declarations">The agent's declared apps, scripts, metadata and development containers.</param>
/// <param name="DerpMap">The current DERP map.</param>
internal sealed record AgentManifest(Agent Agent, AgentDeclarations Declarations, DERPMap DerpMap);

/// <summary>Builds manifests.</summary>
internal sealed class ManifestSource(AgentStore agents, DeclarationStore declarations, DerpMapPublisher derpMaps)
{
    /// <summary>
    /// The manifest, or null when the agent was deleted. The agent is read again on each call, since the record from a session's
    /// authentication may be hours old.
    /// </summary>
    public async ValueTask<AgentManifest?> OfAsync(Guid agentId) =>
        await agents.FindAsync(agentId) is { } agent
            ? new AgentManifest(agent, await declarations.GetAsync(agentId), derpMaps.Current)
            : null;
}
