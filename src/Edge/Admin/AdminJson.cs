using System.Text.Json.Serialization;

namespace Edge.Admin;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(NodeStatus))]
internal sealed partial class AdminJson : JsonSerializerContext;
