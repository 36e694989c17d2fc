using System.Text.Json.Serialization;

namespace LocalAgent;

/// <summary>The answer to a request that has begun something, or that was refused.</summary>
/// <param name="Message">For the user.</param>
/// <param name="Detail">For whoever repairs the cause; left out when null.</param>
internal sealed record AgentNotice(
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null);
