using System.IO.Pipelines;
using System.Net.WebSockets;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace Edge.AgentCommands;

/// <summary>
/// Finds the id of an agent by its name. The Agents API lists a user's agents only in the tailnet service, whose first message of
/// <c>WorkspaceUpdates</c> has them all.
/// </summary>
internal static class AgentLookup
{
    private const int MostListed = 10;
    private const string Rpc = "/coder.tailnet.v2.Tailnet/WorkspaceUpdates";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>Returns the agent's id.</summary>
    /// <param name="client">The client of the server.</param>
    /// <param name="text">The id or name, in one of the forms of <see cref="AgentName.Allowed"/>.</param>
    /// <param name="cancellation">Cancels the lookup.</param>
    /// <exception cref="AgentCommandException">No agent has the name, or several have.</exception>
    public static async Task<Guid> FindAsync(AgentClient client, string text, CancellationToken cancellation)
    {
        if (Guid.TryParse(text, out var id))
        {
            return id;
        }

        var user = await client.GetAsync("/api/v2/users/me", cancellation);
        if (!Guid.TryParse(user["id"]?.ToString(), out var userId))
        {
            throw new AgentCommandException("the server did not say who the user is");
        }

        var update = await ReadAsync(client, userId, cancellation);
        var workspaces = update.UpsertedWorkspaces.ToDictionary(static workspace => workspace.Id, static workspace => workspace.Name);
        var agents = update.UpsertedAgents
            .Select(agent => (agent.Id, Path: $"{user["username"]}/{workspaces.GetValueOrDefault(agent.WorkspaceId)}/{agent.Name}"))
            .OrderBy(static agent => agent.Path, StringComparer.OrdinalIgnoreCase)
            .ToList();
        var found = agents.FindAll(agent => $"/{agent.Path}".EndsWith($"/{text}", StringComparison.OrdinalIgnoreCase));
        return found switch
        {
            [var (bytes, _)] when PeerIds.TryRead(bytes, out var agent) => agent,
            [] => throw new AgentCommandException($"no agent of this user is called \"{text}\"; there are: {List(agents)}"),
            _ => throw new AgentCommandException($"several agents are called \"{text}\": {List(found)}"),
        };
    }

    private static string List(List<(ByteString Id, string Path)> agents) => agents.Count == 0
        ? "none"
        : string.Join(", ", agents.Take(MostListed).Select(static agent => agent.Path)) + (agents.Count > MostListed ? ", …" : "");

    private static async Task<WorkspaceUpdate> ReadAsync(AgentClient client, Guid user, CancellationToken cancellation)
    {
        // WorkspaceUpdates came with version 2.3.
        using var socket = await client.OpenAsync("/api/v2/tailnet?version=2.3", cancellation);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Timeout);
        await using var stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary);
        using var session = new YamuxSession(new Transport(PipeReader.Create(stream), PipeWriter.Create(stream)), YamuxRole.Dialer);
        var running = session.RunAsync(cancellation);
        try
        {
            var request = new WorkspaceUpdatesRequest { WorkspaceOwnerId = PeerIds.Write(user) };
            var updates = new DrpcClient(session).ServerStreamAsync(Rpc, request, WorkspaceUpdate.Parser, limit.Token);
            return await updates.FirstAsync(limit.Token);
        }
        catch (Exception error) when (error is DrpcException or IOException or InvalidOperationException)
        {
            throw new AgentCommandException($"the server did not list the agents: {error.Message}", error);
        }
        catch (OperationCanceledException error) when (!cancellation.IsCancellationRequested)
        {
            throw new AgentCommandException("the server did not list the agents in time", error);
        }
        finally
        {
            session.Close();
            socket.Abort();
            await running;
        }
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
