using System.Data.Common;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane;

/// <summary>The first start creates a user with a session token, and a workspace with one agent.</summary>
internal sealed class Bootstrap(Database database, TimeProvider time)
{
    private const string Username = "admin";
    internal const string OrganizationName = "default";
    private const string WorkspaceName = "default";
    private const string AgentName = "main";
    private const int KeyIdLength = 10;
    private const int KeySecretLength = 22;

    /// <summary>
    /// Creates them if the database has no user, and publishes the tokens before the commit. After a crash in between, the next start
    /// creates and publishes new ones. No user is left whose token nobody knows.
    /// </summary>
    /// <returns>The tokens; null if the database has a user.</returns>
    public Task<BootstrapCredentials?> RunAsync(
        Func<BootstrapCredentials, CancellationToken, Task> publish, CancellationToken cancellationToken) =>
        database.WriteExclusiveAsync(
            async (connection, cancellation) =>
            {
                var now = time.GetUtcNow();
                connection.Execute(
                    "INSERT INTO deployment (id, deployment_id, created_at) VALUES (1, @id, @now) ON CONFLICT DO NOTHING",
                    ("@id", Secrets.NewUuid()),
                    ("@now", now));
                if (connection.Count("SELECT count(*) FROM users") > 0)
                {
                    return null;
                }

                var organizationId = CreateOrganization(connection, now);
                var userId = CreateUser(connection, organizationId, now);
                var credentials = new BootstrapCredentials(
                    CreateApiKey(connection, userId, now),
                    [CreateAgent(connection, CreateWorkspace(connection, userId, organizationId, now), now)]);
                await publish(credentials, cancellation);
                return credentials;
            },
            cancellationToken);

    private static Guid CreateOrganization(DbConnection connection, DateTimeOffset now)
    {
        var id = Secrets.NewUuid();
        connection.Execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (@id, @name, @now)",
            ("@id", id),
            ("@name", OrganizationName),
            ("@now", now));
        return id;
    }

    private static Guid CreateUser(DbConnection connection, Guid organizationId, DateTimeOffset now)
    {
        var id = Secrets.NewUuid();
        connection.Execute(
            """
            INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type)
            VALUES (@id, @username, '', '', @now, @now, @now, 'active', 'token')
            """,
            ("@id", id),
            ("@username", Username),
            ("@now", now));
        connection.Execute("INSERT INTO user_roles (user_id, role) VALUES (@id, 'owner')", ("@id", id));
        connection.Execute(
            "INSERT INTO organization_members (organization_id, user_id, created_at) VALUES (@organization, @id, @now)",
            ("@organization", organizationId),
            ("@id", id),
            ("@now", now));
        return id;
    }

    private static string CreateApiKey(DbConnection connection, Guid userId, DateTimeOffset now)
    {
        var (id, secret) = (Secrets.NewText(KeyIdLength), Secrets.NewText(KeySecretLength));
        connection.Execute(
            "INSERT INTO api_keys (id, hashed_secret, user_id, created_at, last_used_at) VALUES (@id, @hash, @user, @now, @now)",
            ("@id", id),
            ("@hash", Secrets.Hash(secret)),
            ("@user", userId),
            ("@now", now));
        return $"{id}-{secret}";
    }

    private static Guid CreateWorkspace(DbConnection connection, Guid ownerId, Guid organizationId, DateTimeOffset now)
    {
        var id = Secrets.NewUuid();
        connection.Execute(
            """
            INSERT INTO workspaces (id, owner_id, organization_id, name, created_at, updated_at)
            VALUES (@id, @owner, @organization, @name, @now, @now)
            """,
            ("@id", id),
            ("@owner", ownerId),
            ("@organization", organizationId),
            ("@name", WorkspaceName),
            ("@now", now));
        return id;
    }

    private static BootstrapAgent CreateAgent(DbConnection connection, Guid workspaceId, DateTimeOffset now)
    {
        var (id, token) = (Secrets.NewUuid(), Secrets.NewUuid());
        connection.Execute(
            """
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            VALUES (@id, @workspace, @resource, @name, @hash, @now, @now)
            """,
            ("@id", id),
            ("@workspace", workspaceId),
            ("@resource", Secrets.NewUuid()),
            ("@name", AgentName),
            ("@hash", Secrets.Hash(token)),
            ("@now", now));
        return new BootstrapAgent(id, AgentName, token.ToString("D"));
    }
}
