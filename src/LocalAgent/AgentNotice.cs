using System.Text.Json.Serialization;

namespace LocalAgent;

/// <summary>The answer to a request that has begun something, or that was refused.</summary>
/// <param name="Message">A text for the user.</param>
/// <param name="Detail">A text for the operator who repairs the cause; left out when null.</param>
internal sealed record AgentNotice(
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null);
