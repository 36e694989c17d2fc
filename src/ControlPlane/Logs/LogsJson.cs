using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Logs;

/// <summary>The JSON types of logs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(LogSource))]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(PostLogSourceRequest))]
[JsonSerializable(typeof(PatchLogsRequest))]
internal sealed partial class LogsJson : JsonSerializerContext
{
    public static LogsJson Wire { get; } = new(WireJson.NewOptions());
}
