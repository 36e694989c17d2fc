using System.Text.Json.Nodes;

namespace ControlPlane.OpenApi;

/// <summary>
/// The error responses of operations. An operation's body, query, path and credentials decide which of the common errors it has. All others
/// are the default response.
/// </summary>
internal static class ApiErrors
{
    private static readonly (string Status, string Name, string Description)[] All =
    [
        ("400", "BadRequest", "The body or the query is invalid. `validations` names the fields."),
        ("401", "Unauthorized", "The token is missing or not valid."),
        ("403", "ForeignOrigin", "The `Origin` does not match the `Host`."),
        ("404", "NotFound", "The resource does not exist, or the caller may not see it."),
        ("409", "Conflict", "The request conflicts with the stored state, such as a name that is taken."),
        ("413", "TooLarge", "The body is too large, or a limit of the stored data is reached."),
        ("426", "UpgradeRequired", "The request is not a WebSocket handshake."),
        ("503", "Unavailable", "The server is temporarily unavailable. `Retry-After` is the time until the next try."),
        ("default", "Error", "Another error."),
    ];

    /// <summary>The shared responses that the document's paths refer to. All have the same error body.</summary>
    public static JsonObject Responses(JsonObject error, string paths) => [.. All
        .Where(one => paths.Contains(ReferenceTo(one.Name), StringComparison.Ordinal))
        .Select(one => KeyValuePair.Create(one.Name, (JsonNode?)new JsonObject
        {
            ["description"] = one.Description,
            ["content"] = new JsonObject { [ApiOperation.Json] = new JsonObject { ["schema"] = error.DeepClone() } },
        }))];

    /// <summary>References to the error responses of an operation.</summary>
    public static IEnumerable<(string Status, JsonObject Response)> Of(ApiOperation operation, bool hasPathParameters) => All
        .Where(one => one.Status switch
        {
            "400" => operation.Request is not null || operation.Query.Count > 0,
            "401" => operation.Caller != ApiCaller.Anybody,
            "403" or "426" => operation.IsWebSocket,
            "404" => hasPathParameters || operation.Caller == ApiCaller.Administrator,
            "409" => operation.Request is not null && operation.Caller == ApiCaller.Administrator,
            "413" => operation.Request is not null,
            _ => true,
        })
        .Select(static one => (one.Status, new JsonObject { ["$ref"] = ReferenceTo(one.Name) }));

    private static string ReferenceTo(string name) => $"#/components/responses/{name}";
}
