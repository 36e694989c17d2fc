using System.Runtime.CompilerServices;
using ControlPlane.Storage;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// Watches a user's workspaces and agents (tailnet.md §3.7). The first update contains them all, each later one the differences. Changes by
/// this process are signalled at once; the database is also polled, because other processes may write to it.
/// </summary>
internal sealed class WorkspaceWatch(
    Database database, WorkspaceSignals signals, ControlPlaneOptions options, TimeProvider time) : IWorkspaceWatch
{
    public IAsyncEnumerable<WorkspaceUpdate> WatchAsync(TailnetCaller caller, Guid owner, CancellationToken cancellationToken) =>
        caller.UserId == owner
            ? WatchAsync(owner, cancellationToken)
            : throw new DrpcException(0, "workspace owner not found or you do not have permission");

    private async IAsyncEnumerable<WorkspaceUpdate> WatchAsync(Guid owner, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changed = signals.Next(owner);
        var (workspaces, agents) = await ReadAsync(owner);
        yield return new WorkspaceUpdate { UpsertedWorkspaces = { workspaces.Values }, UpsertedAgents = { agents.Values } };

        while (true)
        {
            using (var recheck = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
            {
                await Task.WhenAny(changed, Task.Delay(options.WorkspaceRecheck, time, recheck.Token));
                await recheck.CancelAsync();
            }

            cancellationToken.ThrowIfCancellationRequested();
            changed = signals.Next(owner);
            var (newWorkspaces, newAgents) = await ReadAsync(owner);
            var update = new WorkspaceUpdate
            {
                UpsertedWorkspaces = { Changed(workspaces, newWorkspaces) },
                UpsertedAgents = { Changed(agents, newAgents) },
                DeletedWorkspaces = { workspaces.Where(old => !newWorkspaces.ContainsKey(old.Key)).Select(static old => old.Value) },
                DeletedAgents = { agents.Where(old => !newAgents.ContainsKey(old.Key)).Select(static old => old.Value) },
            };
            (workspaces, agents) = (newWorkspaces, newAgents);
            if (update.CalculateSize() > 0)
            {
                yield return update;
            }
        }
    }

    private static IEnumerable<T> Changed<T>(Dictionary<Guid, T> old, Dictionary<Guid, T> now)
        where T : class => now.Where(pair => !pair.Value.Equals(old.GetValueOrDefault(pair.Key))).Select(static pair => pair.Value);

    /// <summary>
    /// Reads the workspaces and agents. Every workspace counts as running, because this server has no builds that stop one.
    /// </summary>
    private ValueTask<(Dictionary<Guid, Workspace> Workspaces, Dictionary<Guid, Tailnet.Messages.Agent> Agents)> ReadAsync(Guid owner) =>
        database.SnapshotAsync(async connection =>
        {
            var workspaces = await connection.ListAsync(
                "SELECT id, name FROM workspaces WHERE owner_id = @owner",
                static reader => (Id: reader.Uuid("id"), Name: reader.Text("name")),
                ("@owner", owner));
            var agents = await connection.ListAsync(
                """
                SELECT agents.id, agents.name, agents.workspace_id FROM workspace_agents agents
                JOIN workspaces ON workspaces.id = agents.workspace_id WHERE workspaces.owner_id = @owner
                """,
                static reader => (Id: reader.Uuid("id"), Name: reader.Text("name"), Workspace: reader.Uuid("workspace_id")),
                ("@owner", owner));
            return (
                workspaces.ToDictionary(
                    static row => row.Id,
                    static row => new Workspace { Id = PeerIds.Write(row.Id), Name = row.Name, Status = Workspace.Types.Status.Running }),
                agents.ToDictionary(
                    static row => row.Id,
                    static row => new Tailnet.Messages.Agent
                    {
                        Id = PeerIds.Write(row.Id),
                        Name = row.Name,
                        WorkspaceId = PeerIds.Write(row.Workspace),
                    }));
        });
}
