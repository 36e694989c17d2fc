using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.InstanceIdentity;

/// <summary>The clouds whose instances can authenticate with a signed identity.</summary>
internal enum Cloud
{
    Aws,
    Azure,
    Google,
}

/// <summary>Allows an instance to get tokens of an agent.</summary>
internal sealed record InstanceBinding(Guid AgentId, Cloud Cloud, string InstanceId, DateTimeOffset CreatedAt);

/// <summary>The result of the exchange of an instance's identity for an agent's token.</summary>
/// <param name="Token">The agent's token, or null without a single matching agent.</param>
/// <param name="IsAmbiguous">Whether several agents match.</param>
internal sealed record InstanceExchange(Guid? Token, bool IsAmbiguous);

/// <summary>
/// Stores the bindings of agents to instances, and the tokens that instances got. The database holds only hashes of tokens, so that each
/// exchange makes a new token. The agent's own token stays valid.
/// </summary>
internal sealed class InstanceBindingStore(Database database, AccessSignals access, ControlPlaneOptions options, TimeProvider time)
{
    /// <summary>
    /// Binds an agent to an instance. Deletes the agent's binding to another instance, with its tokens. False when the agent does not
    /// exist.
    /// </summary>
    public Task<bool> BindAsync(Guid agentId, Cloud cloud, string instanceId, CancellationToken cancellationToken) => WithdrawAsync(
        connection =>
        {
            var ended = connection.Execute(
                "DELETE FROM instance_bindings WHERE agent_id = @agent AND (cloud <> @cloud OR instance_id <> @instance)",
                ("@agent", agentId),
                ("@cloud", NameOf(cloud)),
                ("@instance", instanceId));
            connection.Execute(
                """
                INSERT INTO instance_bindings (agent_id, cloud, instance_id, created_at)
                SELECT id, @cloud, @instance, @now FROM workspace_agents WHERE id = @agent
                ON CONFLICT DO NOTHING
                """,
                ("@agent", agentId),
                ("@cloud", NameOf(cloud)),
                ("@instance", instanceId),
                ("@now", time.GetUtcNow()));
            var bound = connection.Execute(
                "UPDATE workspace_agents SET instance_id = @instance WHERE id = @agent",
                ("@agent", agentId),
                ("@instance", instanceId)) == 1;
            return (bound, ended > 0);
        },
        cancellationToken);

    /// <summary>Deletes an agent's binding with its tokens. False when it has none.</summary>
    public Task<bool> UnbindAsync(Guid agentId, CancellationToken cancellationToken) => WithdrawAsync(
        connection =>
        {
            connection.Execute("UPDATE workspace_agents SET instance_id = NULL WHERE id = @agent", ("@agent", agentId));
            var ended = connection.Execute("DELETE FROM instance_bindings WHERE agent_id = @agent", ("@agent", agentId)) == 1;
            return (ended, ended);
        },
        cancellationToken);

    /// <summary>All bindings, oldest first.</summary>
    public ValueTask<List<InstanceBinding>> ListAsync() => database.ReadAsync(static connection => connection.ListAsync(
        "SELECT * FROM instance_bindings ORDER BY created_at, agent_id",
        static reader => new InstanceBinding(
            reader.Uuid("agent_id"), CloudOf(reader.Text("cloud")), reader.Text("instance_id"), reader.Time("created_at"))));

    /// <summary>Makes a token for the instance's only agent, or for the one named <paramref name="agentName"/>.</summary>
    public Task<InstanceExchange> ExchangeAsync(
        Cloud cloud, string instanceId, string? agentName, CancellationToken cancellationToken) => WithdrawAsync(
        connection =>
        {
            var agents = connection.List(
                """
                SELECT bindings.agent_id FROM instance_bindings bindings JOIN workspace_agents agents ON agents.id = bindings.agent_id
                WHERE bindings.cloud = @cloud AND bindings.instance_id = @instance AND (@name = '' OR agents.name = @name) LIMIT 2
                """,
                static reader => reader.Uuid("agent_id"),
                ("@cloud", NameOf(cloud)),
                ("@instance", instanceId),
                ("@name", agentName ?? ""));
            if (agents is not [var agent])
            {
                return (new InstanceExchange(null, agents.Count > 1), false);
            }

            // Makes room for one more token. Only the newest tokens of an agent stay valid.
            var ended = connection.Execute(
                """
                DELETE FROM instance_tokens WHERE agent_id = @agent AND hashed_token NOT IN (
                    SELECT hashed_token FROM instance_tokens WHERE agent_id = @agent ORDER BY created_at DESC LIMIT @keep)
                """,
                ("@agent", agent),
                ("@keep", options.InstanceIdentity.MaxTokensPerAgent - 1));
            var token = Secrets.NewUuid();
            connection.Execute(
                "INSERT INTO instance_tokens (hashed_token, agent_id, created_at) VALUES (@hash, @agent, @now)",
                ("@hash", Secrets.Hash(token)),
                ("@agent", agent),
                ("@now", time.GetUtcNow()));
            return (new InstanceExchange(token, false), ended > 0);
        },
        cancellationToken);

    /// <summary>Runs a write, and signals the change when the write has withdrawn tokens.</summary>
    private async Task<T> WithdrawAsync<T>(Func<DbConnection, (T Result, bool Withdrawn)> work, CancellationToken cancellationToken)
    {
        var (result, withdrawn) = await database.WriteAsync(work, cancellationToken);
        if (withdrawn)
        {
            access.Changed();
        }

        return result;
    }

    private static string NameOf(Cloud cloud) => cloud switch
    {
        Cloud.Aws => "aws",
        Cloud.Azure => "azure",
        _ => "google",
    };

    private static Cloud CloudOf(string name) => name switch
    {
        "aws" => Cloud.Aws,
        "azure" => Cloud.Azure,
        _ => Cloud.Google,
    };
}
