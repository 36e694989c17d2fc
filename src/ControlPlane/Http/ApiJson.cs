using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.AgentMetadata;
using ControlPlane.Agents;
using ControlPlane.Apps;
using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;
using ControlPlane.Logs;
using ControlPlane.Machine;
using ControlPlane.Manifests;
using ControlPlane.Meta;
using ControlPlane.Reinit;
using ControlPlane.Statistics;
using ControlPlane.Users;

namespace ControlPlane.Http;

/// <summary>Every JSON body of the API, with generated serialisers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ApiError))]
[JsonSerializable(typeof(BuildInfo))]
[JsonSerializable(typeof(UserView))]
[JsonSerializable(typeof(GitSshKey))]
[JsonSerializable(typeof(AgentView))]
[JsonSerializable(typeof(LogSource))]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(PostLogSourceRequest))]
[JsonSerializable(typeof(PatchLogsRequest))]
[JsonSerializable(typeof(ExternalAuthAnswer))]
[JsonSerializable(typeof(ReinitEvent))]
[JsonSerializable(typeof(AwsIdentityRequest))]
[JsonSerializable(typeof(AzureIdentityRequest))]
[JsonSerializable(typeof(GoogleIdentityRequest))]
[JsonSerializable(typeof(InstanceSession))]
[JsonSerializable(typeof(PostAppHealthRequest))]
[JsonSerializable(typeof(PatchAppStatusRequest))]
[JsonSerializable(typeof(ManifestView))]
[JsonSerializable(typeof(ConnectionView))]
[JsonSerializable(typeof(ReportStatsRequest))]
[JsonSerializable(typeof(StatsView))]
[JsonSerializable(typeof(PostMetadataRequest))]
[JsonSerializable(typeof(PostedMetadata))]
[JsonSerializable(typeof(PostLifecycleRequest))]
[JsonSerializable(typeof(PostStartupRequest))]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(ListeningPorts))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>Bodies deeper than this are refused.</summary>
    public const int MaxDepth = 16;

    public static ApiJson Wire { get; } = new(new JsonSerializerOptions
    {
        Encoder = GoJsonEncoder.Shared,
        MaxDepth = MaxDepth,
        PropertyNameCaseInsensitive = true, // as Go's decoder
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new UtcTimeConverter(), new GoUuidConverter(), new FiniteNumberConverter() },
    });
}
