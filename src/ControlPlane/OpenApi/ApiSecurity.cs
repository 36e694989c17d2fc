using System.Text.Json.Nodes;

namespace ControlPlane.OpenApi;

/// <summary>The OpenAPI security requirements and schemes of operations.</summary>
internal static class ApiSecurity
{
    /// <summary>The requirement as a sentence.</summary>
    public static string Needs(ApiCaller caller) => caller switch
    {
        ApiCaller.Anybody => "Needs no token.",
        ApiCaller.Agent => "Needs an agent's token.",
        ApiCaller.Session => "Needs a user's session token.",
        ApiCaller.SessionOrAgent => "Needs a user's session token or an agent's token.",
        _ => "Needs the node's admin token.",
    };

    /// <summary>The alternative requirements, one of which is enough. Empty: none is needed.</summary>
    public static JsonArray Of(ApiCaller caller) => [.. Names(caller).Select(static name => new JsonObject { [name] = new JsonArray() })];

    /// <summary>The schemes of all callers in a document.</summary>
    public static JsonObject Schemes(IEnumerable<ApiCaller> callers) =>
        [.. callers.SelectMany(Names).Distinct().Select(static name => KeyValuePair.Create(name, (JsonNode?)Scheme(name)))];

    private static string[] Names(ApiCaller caller) => caller switch
    {
        ApiCaller.Anybody => [],
        ApiCaller.Agent => ["agent"],
        ApiCaller.Session => ["session"],
        ApiCaller.SessionOrAgent => ["session", "agent"],
        _ => ["admin"],
    };

    private static JsonObject Scheme(string name) => name switch
    {
        "session" => InHeader("A user's session token."),
        "agent" => InHeader("An agent's token."),
        _ => new JsonObject
        {
            ["type"] = "http",
            ["scheme"] = "bearer",
            ["description"] = "The node's admin token, on the admin listener.",
        },
    };

    private static JsonObject InHeader(string description) => new()
    {
        ["type"] = "apiKey",
        ["in"] = "header",
        ["name"] = "Coder-Session-Token",
        ["description"] = description,
    };
}
