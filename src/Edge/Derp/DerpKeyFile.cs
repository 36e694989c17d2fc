using System.Text.Json;
using System.Text.Json.Serialization;
using Edge.Settings;
using Relay.Derp.Wire;

namespace Edge.Derp;

/// <summary>The relay's private key, in derper's own file format: <c>{"PrivateKey": "privkey:…"}</c> (derp.md §6.2).</summary>
internal static class DerpKeyFile
{
    private const string Setting = "Relay:Derp:KeyFile";

    private const string DefaultName = "derp.key";

    // More than any key; a file of another kind, named by mistake, is not read whole.
    private const int MaxBytes = 4096;

    /// <summary>Reads the operator's file; without one, reads the data directory's, and makes it (0600) the first time.</summary>
    public static async Task<NodePrivateKey> OpenAsync(string? path, DataDirectory data, CancellationToken cancellation)
    {
        var file = path ?? data.File(DefaultName);
        if (path is null && !File.Exists(file))
        {
            var made = NodePrivateKey.Generate();
            await data.WriteAsync(DefaultName, JsonSerializer.SerializeToUtf8Bytes(new Content(made.ToSecretText()), DerpKeyJson.Default.Content), cancellation);
            return made;
        }

        try
        {
            var content = JsonSerializer.Deserialize(SettingsFile.Read(Setting, file, MaxBytes), DerpKeyJson.Default.Content);
            return NodePrivateKey.TryParse(content?.PrivateKey, out var key)
                ? key
                : throw new SettingsException(Setting, file, "its PrivateKey must be privkey: and 64 hex digits");
        }
        catch (JsonException error)
        {
            throw new SettingsException(Setting, file, $"it must be a JSON file as derper writes it ({error.Message})");
        }
    }

    internal sealed record Content(string? PrivateKey);
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(DerpKeyFile.Content))]
internal sealed partial class DerpKeyJson : JsonSerializerContext;
