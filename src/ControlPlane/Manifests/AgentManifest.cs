using ControlPlane.Agents;
using ControlPlane.Declarations;
using Tailnet.Messages;
using Tailnet.Services;
using Agent = ControlPlane.Agents.Agent;

namespace ControlPlane.Manifests;

/// <summary>What an agent is told of itself, for REST and rpc alike.</summary>
/// <param name="Agent">The agent as stored now.</param>
/// <param name="Declarations">What it is declared to have.</param>
/// <param name="DerpMap">Where relays are.</param>
internal sealed record AgentManifest(Agent Agent, AgentDeclarations Declarations, DERPMap DerpMap);

/// <summary>Makes manifests.</summary>
internal sealed class ManifestSource(AgentStore agents, DeclarationStore declarations, DerpMapPublisher derpMaps)
{
    /// <summary>Null when the agent is no longer there. Asked for anew: what a session authenticated with may be hours old.</summary>
    public async ValueTask<AgentManifest?> OfAsync(Guid agentId) =>
        await agents.FindAsync(agentId) is { } agent ? new AgentManifest(agent, await declarations.GetAsync(agentId), derpMaps.Current) : null;
}
