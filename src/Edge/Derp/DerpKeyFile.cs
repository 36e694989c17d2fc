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

    // Longer than any key. A wrong file, such as a log, is not read completely.
    private const int MaxBytes = 4096;

    /// <summary>Reads the operator's key file, or the one in the data directory, which is created (0600) at the first start.</summary>
    public static async Task<NodePrivateKey> OpenAsync(string? path, DataDirectory data, CancellationToken cancellation)
    {
        var file = path ?? data.File(DefaultName);
        if (path is null && !File.Exists(file))
        {
            var made = NodePrivateKey.Generate();
            var content = JsonSerializer.SerializeToUtf8Bytes(new Content(made.ToSecretText()), DerpKeyJson.Default.Content);
            await data.WriteAsync(DefaultName, content, cancellation);
            return made;
        }

        try
        {
            var content = JsonSerializer.Deserialize(SettingsFile.Read(Setting, file, MaxBytes), DerpKeyJson.Default.Content);
            return NodePrivateKey.TryParse(content?.PrivateKey, out var key)
                ? key
                : throw new SettingsException(Setting, file, "the field PrivateKey must be privkey: and 64 hex digits");
        }
        catch (JsonException error)
        {
            throw new SettingsException(Setting, file, $"the file must be JSON as written by derper ({error.Message})");
        }
    }

    internal sealed record Content(string? PrivateKey);
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(DerpKeyFile.Content))]
internal sealed partial class DerpKeyJson : JsonSerializerContext;
