using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.GitSshKeys;

/// <summary>The JSON bodies of SSH keys for git.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(GitSshKey))]
internal sealed partial class GitSshKeysJson : JsonSerializerContext
{
    public static GitSshKeysJson Wire { get; } = new(WireJson.NewOptions());
}
