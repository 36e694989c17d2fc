using System.Security.Cryptography;
using Microsoft.Data.Sqlite;

namespace Load.Clients;

/// <summary>Agents for the run, written straight into the store of a stopped or running API server.</summary>
internal static class Agents
{
    public static List<(Guid Id, Guid Token)> Make(string database, int count)
    {
        using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = database, Pooling = false }.ToString());
        connection.Open();
        using var transaction = connection.BeginTransaction();
        var made = new List<(Guid, Guid)>(count);
        for (var i = 0; i < count; i++)
        {
            var (id, token) = (Guid.NewGuid(), Guid.NewGuid());
            using var command = connection.CreateCommand();
            command.CommandText = """
                INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
                SELECT $id, id, $id, $name, $hash, 0, 0 FROM workspaces LIMIT 1
                """;
            command.Parameters.AddWithValue("$id", id.ToString("D"));
            command.Parameters.AddWithValue("$name", "load-" + id.ToString("N"));
            command.Parameters.AddWithValue("$hash", SHA256.HashData(token.ToByteArray(bigEndian: true)));
            command.ExecuteNonQuery();
            made.Add((id, token));
        }

        transaction.Commit();
        return made;
    }
}
