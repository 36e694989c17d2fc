using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ControlPlane;

namespace Edge.Settings;

/// <summary>
/// Writes the credentials of the first start to <c>bootstrap.json</c> (0600):
/// <c>{"session_token", "admin_token", "agents": [{"id", "name", "auth_token"}]}</c>. The operator may delete the file.
/// </summary>
internal sealed class Bootstrap(DataDirectory data)
{
    /// <summary>Adds or replaces the admin token. Other values in the file stay.</summary>
    public Task AddAdminTokenAsync(string token, CancellationToken cancellation) =>
        UpdateAsync(file => file["admin_token"] = token, cancellation);

    /// <summary>
    /// Adds or replaces the credentials of the embedded API server's first user and agents. Other values in the file
    /// stay.
    /// </summary>
    public Task AddAsync(BootstrapCredentials credentials, CancellationToken cancellation) => UpdateAsync(
        file =>
        {
            file["session_token"] = credentials.SessionToken;
            file["agents"] = new JsonArray([.. credentials.Agents.Select(static agent => new JsonObject
            {
                ["id"] = agent.Id,
                ["name"] = agent.Name,
                ["auth_token"] = agent.AuthToken,
            })]);
        },
        cancellation);

    /// <summary>The session token in the file; null when there is none.</summary>
    public string? SessionToken => Read()?["session_token"] is JsonValue value && value.TryGetValue<string>(out var token) ? token : null;

    private async Task UpdateAsync(Action<JsonObject> change, CancellationToken cancellation)
    {
        var file = Read() ?? [];
        change(file);
        var content = JsonSerializer.SerializeToUtf8Bytes(file, BootstrapJson.Default.JsonObject);
        await data.WriteAsync("bootstrap.json", content, cancellation);
    }

    private JsonObject? Read()
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(data.BootstrapFile)) as JsonObject;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (JsonException)
        {
            // An operator's edit has broken the file. Its content is lost already, but the new credentials must not be lost.
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw data.Unusable(Path.GetFileName(data.BootstrapFile), "read", error);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class BootstrapJson : JsonSerializerContext;
