using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.ExternalAuth;

/// <summary>The JSON bodies of tokens for external services.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ExternalAuthAnswer))]
internal sealed partial class ExternalAuthJson : JsonSerializerContext
{
    public static ExternalAuthJson Wire { get; } = new(WireJson.NewOptions());
}
