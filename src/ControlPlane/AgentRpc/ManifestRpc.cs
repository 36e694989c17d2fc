using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Services;

namespace ControlPlane.AgentRpc;

/// <summary>What an agent is told of itself. Nothing in this server declares apps, scripts or metadata yet.</summary>
internal sealed class ManifestRpc(Agents.AgentStore agents, Database database, DerpMapPublisher derpMaps)
{
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
        };
        if (agent.ParentId is { } parent)
        {
            manifest.ParentId = PeerIds.Write(parent);
        }

        return ValueTask.FromResult(manifest);
    }

    private sealed record Names(string Workspace, string Owner);
}
