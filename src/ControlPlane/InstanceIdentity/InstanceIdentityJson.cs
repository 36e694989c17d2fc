using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.InstanceIdentity;

/// <summary>The JSON bodies of instances' identities.</summary>
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
