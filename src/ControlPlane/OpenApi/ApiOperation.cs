using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.OpenApi;

/// <summary>Whose credentials an operation asks for.</summary>
internal enum ApiCaller
{
    Anybody,
    Agent,
    Session,
    SessionOrAgent,
    Administrator,
}

/// <summary>A parameter in the query, or in a path.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it does.</param>
/// <param name="Type">Its JSON schema's type.</param>
internal sealed record ApiParameter(string Name, string Description, string Type = "string")
{
    /// <summary>What the parameters of paths are, by their names.</summary>
    public static IReadOnlyDictionary<string, string> InPath { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["agent"] = "The agent's id, or user%2Fworkspace%2Fagent.",
        ["container"] = "The container's id or name.",
        ["devcontainer"] = "The development container's id, a UUID.",
        ["key"] = "The value's key: 1 to 128 characters.",
        ["provider"] = "The service's id in the configuration.",
        ["token"] = "The token's id, which is what stands before its hyphen.",
        ["user"] = "The user's name or id.",
        ["workspace"] = "The workspace's id, or user%2Fworkspace.",
        ["workspaceagent"] = "The agent's id, a UUID.",
    };

    /// <summary>The words that it may be; empty: any.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];
}

/// <summary>What a route's method does, for readers of the OpenAPI document. The types' schemas come from the serialisers that the handlers use.</summary>
internal sealed record ApiOperation(string Summary, ApiCaller Caller)
{
    public const string Json = "application/json";

    /// <summary>The request's body; null: none.</summary>
    public JsonTypeInfo? Request { get; init; }

    /// <summary>The body of success; null: <c>null</c>, or none where the status has none.</summary>
    public JsonTypeInfo? Response { get; init; }

    /// <summary>Whether the response is an array of <see cref="Response"/>.</summary>
    public bool IsArray { get; init; }

    public int Status { get; init; } = StatusCodes.Status200OK;

    public string MediaType { get; init; } = Json;

    /// <summary>Whether it takes a WebSocket: always, or (as with logs) only when asked to.</summary>
    public bool IsWebSocket { get; init; }

    public IReadOnlyList<ApiParameter> Query { get; init; } = [];
}
