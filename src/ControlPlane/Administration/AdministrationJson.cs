using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>
/// The generated serializers for the JSON bodies of the administration API. Unlike the Agents API, which has clients of many versions, this
/// API refuses unknown and duplicate properties: a misspelt property would have no effect otherwise.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ApiError))]
[JsonSerializable(typeof(CreateUser))]
[JsonSerializable(typeof(ChangeUser))]
[JsonSerializable(typeof(UserRow))]
[JsonSerializable(typeof(UserList))]
[JsonSerializable(typeof(CreateToken))]
[JsonSerializable(typeof(TokenList))]
[JsonSerializable(typeof(NewToken))]
[JsonSerializable(typeof(CreateWorkspace))]
[JsonSerializable(typeof(RenameWorkspace))]
[JsonSerializable(typeof(ReinitWorkspace))]
[JsonSerializable(typeof(WorkspaceRow))]
[JsonSerializable(typeof(WorkspaceList))]
[JsonSerializable(typeof(CreateAgent))]
[JsonSerializable(typeof(DeclarationsBody))]
[JsonSerializable(typeof(AgentDetails))]
[JsonSerializable(typeof(AgentList))]
[JsonSerializable(typeof(NewAgentToken))]
[JsonSerializable(typeof(SetExternalAuth))]
[JsonSerializable(typeof(ProviderList))]
[JsonSerializable(typeof(LinkList))]
[JsonSerializable(typeof(BindInstance))]
[JsonSerializable(typeof(BindingList))]
internal sealed partial class AdministrationJson : JsonSerializerContext
{
    public static AdministrationJson Wire { get; } = new(new JsonSerializerOptions
    {
        Encoder = GoJsonEncoder.Shared,
        MaxDepth = WireJson.MaxDepth,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new UtcTimeConverter(), new GoUuidConverter() },
    });
}
