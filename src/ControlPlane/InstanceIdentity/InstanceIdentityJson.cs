using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.InstanceIdentity;

/// <summary>The JSON types of instance identity.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AwsIdentityRequest))]
[JsonSerializable(typeof(AzureIdentityRequest))]
[JsonSerializable(typeof(GoogleIdentityRequest))]
[JsonSerializable(typeof(InstanceSession))]
internal sealed partial class InstanceIdentityJson : JsonSerializerContext
{
    public static InstanceIdentityJson Wire { get; } = new(WireJson.NewOptions());
}
