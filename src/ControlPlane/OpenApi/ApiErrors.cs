using System.Text.Json.Nodes;

namespace ControlPlane.OpenApi;

/// <summary>The errors that an operation may answer. Which of the common ones it may follows from what it takes; the rest is the default.</summary>
internal static class ApiErrors
{
    private static readonly (string Status, string Name, string Description)[] All =
    [
        ("400", "BadRequest", "The body or the query is not what the route reads. `validations` names the fields."),
        ("401", "Unauthorized", "The token is missing or not valid."),
        ("403", "ForeignOrigin", "The `Origin` is another host's."),
        ("404", "NotFound", "There is no such thing, or the caller may not see it."),
        ("409", "Conflict", "What is there stands against it, such as another one of that name."),
        ("413", "TooLarge", "The body is too large, or what is stored would be too much."),
        ("426", "UpgradeRequired", "The request is no WebSocket handshake."),
        ("503", "Unavailable", "The server cannot answer just now; `Retry-After` says when to try again."),
        ("default", "Error", "Another error."),
    ];

    /// <summary>The shared responses that a document's paths refer to, all with the one error body.</summary>
    public static JsonObject Responses(JsonObject error, string paths) => [.. All
        .Where(one => paths.Contains(PlaceOf(one.Name), StringComparison.Ordinal))
        .Select(one => KeyValuePair.Create(one.Name, (JsonNode?)new JsonObject
        {
            ["description"] = one.Description,
            ["content"] = new JsonObject { [ApiOperation.Json] = new JsonObject { ["schema"] = error.DeepClone() } },
        }))];

    /// <summary>References to those that an operation may answer.</summary>
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
        .Select(static one => (one.Status, new JsonObject { ["$ref"] = PlaceOf(one.Name) }));

    private static string PlaceOf(string name) => $"#/components/responses/{name}";
}
