using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Apps;

/// <summary>The JSON bodies of apps.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(PostAppHealthRequest))]
[JsonSerializable(typeof(PatchAppStatusRequest))]
internal sealed partial class AppsJson : JsonSerializerContext
{
    public static AppsJson Wire { get; } = new(WireJson.NewOptions());
}
