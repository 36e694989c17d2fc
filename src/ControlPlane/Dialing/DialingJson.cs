using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Dialing;

/// <summary>The JSON types of pings.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(PingView))]
internal sealed partial class DialingJson : JsonSerializerContext
{
    public static DialingJson Wire { get; } = new(WireJson.NewOptions());
}
