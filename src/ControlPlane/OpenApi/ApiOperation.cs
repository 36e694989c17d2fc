using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.OpenApi;

/// <summary>The credentials that an operation needs.</summary>
internal enum ApiCaller
{
    Anybody,
    Agent,
    Session,
    SessionOrAgent,
    Administrator,
}

/// <summary>A parameter in the query or in the path.</summary>
/// <param name="Name">The parameter's name.</param>
/// <param name="Description">The parameter's description in the document.</param>
/// <param name="Type">The type in the parameter's JSON schema.</param>
internal sealed record ApiParameter(string Name, string Description, string Type = "string")
{
    /// <summary>The descriptions of path parameters, by name.</summary>
    public static IReadOnlyDictionary<string, string> InPath { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["agent"] = "The agent's id, or user%2Fworkspace%2Fagent.",
        ["container"] = "The container's id or name.",
        ["devcontainer"] = "The development container's id, a UUID.",
        ["key"] = "The metadata's key, 1 to 128 characters.",
        ["provider"] = "The provider's id in the configuration.",
        ["token"] = "The token's id, which is the part before its hyphen.",
        ["user"] = "The user's name or id.",
        ["workspace"] = "The workspace's id, or user%2Fworkspace.",
        ["workspaceagent"] = "The agent's id, a UUID.",
    };

    /// <summary>The allowed values. Empty: any.</summary>
    public IReadOnlyList<string> EnumValues { get; init; } = [];
}

/// <summary>
/// One method of a route, for the OpenAPI document. The schemas of bodies come from the serializers that the handlers use.
/// </summary>
internal sealed record ApiOperation(string Summary, ApiCaller Caller)
{
    public const string Json = "application/json";

    /// <summary>The type of the request's body. Null: none.</summary>
    public JsonTypeInfo? Request { get; init; }

    /// <summary>The type of a successful response's body. Null: the body is <c>null</c>, or empty where the status allows none.</summary>
    public JsonTypeInfo? Response { get; init; }

    /// <summary>Whether the response is an array of <see cref="Response"/>.</summary>
    public bool IsArray { get; init; }

    public int Status { get; init; } = StatusCodes.Status200OK;

    public string MediaType { get; init; } = Json;

    /// <summary>Whether the operation accepts WebSocket handshakes, always or (as with logs) with some queries only.</summary>
    public bool IsWebSocket { get; init; }

    public IReadOnlyList<ApiParameter> Query { get; init; } = [];
}
