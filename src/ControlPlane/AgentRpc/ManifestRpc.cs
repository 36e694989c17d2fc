using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Services;

namespace ControlPlane.AgentRpc;

/// <summary>What an agent is told of itself. Nothing in this server declares apps, scripts, metadata or resource monitors yet.</summary>
internal sealed class ManifestRpc(Agents.AgentStore agents, Database database, DerpMapPublisher derpMaps, ControlPlaneOptions options)
{
    // What the real server says when nothing is monitored.
    private const int Datapoints = 20;
    private const int CollectionSeconds = 10;

    public static GetResourcesMonitoringConfigurationResponse NothingMonitored() => new()
    {
        Config = new() { NumDatapoints = Datapoints, CollectionIntervalSeconds = CollectionSeconds },
    };

    public ValueTask<Manifest> GetAsync(Guid agentId)
    {
        // Asked for anew: what the agent authenticated with may be hours old.
        var agent = agents.Find(agentId) ?? throw new DrpcException(0, "the agent does not exist any more");
        var names = database.Read(connection => connection.First(
            "SELECT workspaces.name, users.username FROM workspaces JOIN users ON users.id = workspaces.owner_id WHERE workspaces.id = $id",
            static reader => new Names(reader.Text("name"), reader.Text("username")),
            ("$id", agent.WorkspaceId)))!;
        var manifest = new Manifest
        {
            AgentId = PeerIds.Write(agent.Id),
            AgentName = agent.Name,
            OwnerUsername = names.Owner,
            WorkspaceId = PeerIds.Write(agent.WorkspaceId),
            WorkspaceName = names.Workspace,
            Directory = agent.Directory,
            EnvironmentVariables = { agent.EnvironmentVariables },
            DerpMap = derpMaps.Current,

            // Above 0, agents make git ask them for credentials.
            GitAuthConfigs = (uint)options.ExternalAuth.Count,
        };
        if (agent.ParentId is { } parent)
        {
            manifest.ParentId = PeerIds.Write(parent);
        }

        return ValueTask.FromResult(manifest);
    }

    private sealed record Names(string Workspace, string Owner);
}
