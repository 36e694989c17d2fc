using System.Text.Json.Serialization;

namespace ControlPlane.Connections;

/// <summary>What an agent says of something that it has begun or refused (the API's <c>Response</c>, tailnet.md §1.1).</summary>
/// <param name="Message">For the user.</param>
/// <param name="Detail">For whoever mends it; left out when null.</param>
public sealed record AgentNotice(
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null);
