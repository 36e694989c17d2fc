using System.Text.Json.Serialization;

namespace ControlPlane.Agents;

/// <summary>Whether an agent is well; the reason is left out when it is.</summary>
/// <param name="Healthy">Whether it is.</param>
/// <param name="Reason">Why it is not; left out when it is.</param>
internal sealed record AgentHealth(bool Healthy, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);
