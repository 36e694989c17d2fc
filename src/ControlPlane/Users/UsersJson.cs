using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Users;

/// <summary>The JSON types of users.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(UserView))]
internal sealed partial class UsersJson : JsonSerializerContext
{
    public static UsersJson Wire { get; } = new(WireJson.NewOptions());
}
