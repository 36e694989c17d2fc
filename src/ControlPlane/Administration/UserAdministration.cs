using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Administration;

/// <summary>Creates, changes and deletes users. A user is referenced by id or user name.</summary>
internal sealed class UserAdministration(Database database, AccessSignals access, TimeProvider time)
{
    /// <summary>The statuses that an administrator may set.</summary>
    public static readonly string[] Statuses = [Active, "suspended"];

    private const string Active = "active";

    public ValueTask<UserList> ListAsync(Page page) => database.ReadAsync(async connection => new UserList(
        await connection.ListAsync(
            "SELECT * FROM users ORDER BY lower(username) LIMIT @limit OFFSET @offset",
            Read,
            ("@limit", page.Limit),
            ("@offset", page.Offset)),
        await connection.CountAsync("SELECT count(*) FROM users")));

    public ValueTask<UserRow> GetAsync(string user) => database.ReadAsync(connection => RequireAsync(connection, user));

    public Task<UserRow> CreateAsync(CreateUser request, CancellationToken cancellationToken)
    {
        var username = Checks.Name("username", request.Username);
        var (name, email) = (Checks.Text("name", request.Name), Checks.Text("email", request.Email));
        return database.WriteAsync(
            connection =>
            {
                if (Find(connection, username) is not null)
                {
                    throw RefusedException.Conflict($"There is a user \"{username}\" already.");
                }

                var (id, now) = (Secrets.NewUuid(), time.GetUtcNow());
                connection.Execute(
                    """
                    INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type)
                    VALUES (@id, @username, @name, @email, @now, @now, @now, 'active', 'token')
                    """,
                    ("@id", id),
                    ("@username", username),
                    ("@name", name),
                    ("@email", email),
                    ("@now", now));
                connection.Execute(
                    """
                    INSERT INTO organization_members (organization_id, user_id, created_at)
                    SELECT id, @id, @now FROM organizations WHERE name = @organization
                    """,
                    ("@id", id),
                    ("@now", now),
                    ("@organization", Bootstrap.OrganizationName));
                return Require(connection, username);
            },
            cancellationToken);
    }

    public async Task<UserRow> ChangeAsync(string user, ChangeUser request, CancellationToken cancellationToken)
    {
        var name = request.Name is null ? null : Checks.Text("name", request.Name);
        var email = request.Email is null ? null : Checks.Text("email", request.Email);
        var status = request.Status is null ? null : Checks.OneOf("status", request.Status, Statuses);
        var changed = await database.WriteAsync(
            connection =>
            {
                var old = Require(connection, user);
                if (status is not null and not Active)
                {
                    RefuseLastAdministrator(connection, old, "suspended");
                }

                connection.Execute(
                    "UPDATE users SET name = @name, email = @email, status = @status, updated_at = @now WHERE id = @id",
                    ("@name", name ?? old.Name),
                    ("@email", email ?? old.Email),
                    ("@status", status ?? old.Status),
                    ("@now", time.GetUtcNow()),
                    ("@id", old.Id));
                return old with { Name = name ?? old.Name, Email = email ?? old.Email, Status = status ?? old.Status };
            },
            cancellationToken);
        access.Changed();
        return changed;
    }

    /// <summary>
    /// Deletes the user and its tokens, and on request its workspaces. The last administrator cannot be deleted, nor the last user: the
    /// next start would create a new one.
    /// </summary>
    public async Task DeleteAsync(string user, bool withWorkspaces, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            connection =>
            {
                var found = Require(connection, user);
                if (connection.Count("SELECT count(*) FROM users") == 1)
                {
                    throw RefusedException.Conflict("The last user cannot be deleted.", "Create another user first.");
                }

                RefuseLastAdministrator(connection, found, "deleted");

                var workspaces = connection.Count("SELECT count(*) FROM workspaces WHERE owner_id = @id", ("@id", found.Id));
                if (workspaces > 0 && !withWorkspaces)
                {
                    throw RefusedException.Conflict(
                        $"The user has {workspaces} workspace(s).", "Delete them first, or set with_workspaces=true.");
                }

                connection.Execute("DELETE FROM workspaces WHERE owner_id = @id", ("@id", found.Id));
                return connection.Execute("DELETE FROM users WHERE id = @id", ("@id", found.Id));
            },
            cancellationToken);
        access.Changed();
    }

    // Transactions are serializable: two concurrent requests cannot remove the last two administrators.
    private static void RefuseLastAdministrator(DbConnection connection, UserRow user, string action)
    {
        const string Others = """
            SELECT count(*) FROM user_roles JOIN users ON users.id = user_id
            WHERE role = 'owner' AND status = 'active' AND user_id <> @id
            """;
        if (connection.Count("SELECT count(*) FROM user_roles WHERE role = 'owner' AND user_id = @id", ("@id", user.Id)) > 0
            && connection.Count(Others, ("@id", user.Id)) == 0)
        {
            throw RefusedException.Conflict(
                $"The last administrator cannot be {action}.", $"\"{user.Username}\" is the only active user with the role \"owner\".");
        }
    }

    /// <summary>Returns the user, inside a write transaction.</summary>
    public static UserRow Require(DbConnection connection, string user) =>
        Find(connection, user) ?? throw RefusedException.NotFound("user");

    /// <summary>Returns the user, inside a read.</summary>
    public static async ValueTask<UserRow> RequireAsync(DbConnection connection, string user)
    {
        var (sql, key) = Query(user);
        return await connection.FirstAsync(sql, Read, key) ?? throw RefusedException.NotFound("user");
    }

    private static UserRow? Find(DbConnection connection, string user)
    {
        var (sql, key) = Query(user);
        return connection.First(sql, Read, key);
    }

    private static (string Sql, (string Name, object? Value) Key) Query(string user) => GoUuid.TryParse(user, out var id)
        ? ("SELECT * FROM users WHERE id = @id", ("@id", id))
        : ("SELECT * FROM users WHERE lower(username) = lower(@name)", ("@name", WithoutNul(user)));

    /// <summary>
    /// Replaces a text with NUL, which PostgreSQL refuses as a parameter, by the empty text, which is nobody's name.
    /// </summary>
    public static string WithoutNul(string text) => text.Contains('\0', StringComparison.Ordinal) ? "" : text;

    private static UserRow Read(DbDataReader reader) => new(
        reader.Uuid("id"),
        reader.Text("username"),
        reader.Text("name"),
        reader.Text("email"),
        reader.Text("status"),
        reader.Time("created_at"),
        reader.Time("last_seen_at"));
}
