using System.Text.Json.Serialization;

namespace ControlPlane.Connections;

/// <summary>An agent's answer to a request that it has started or refused: the API's <c>Response</c> (tailnet.md §1.1).</summary>
/// <param name="Message">The message for the user.</param>
/// <param name="Detail">More detail, for an administrator; omitted when null.</param>
public sealed record AgentNotice(
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null);
