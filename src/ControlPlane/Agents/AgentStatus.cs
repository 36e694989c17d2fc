namespace ControlPlane.Agents;

/// <summary>Computes an agent's connection status and health from its stored times and lifecycle state.</summary>
internal static class AgentStatus
{
    public const string Connecting = "connecting";
    public const string Connected = "connected";
    public const string Disconnected = "disconnected";
    public const string Timeout = "timeout";

    public static IReadOnlyList<string> All { get; } = [Connecting, Connected, Disconnected, Timeout];

    /// <summary>
    /// The agent's connection status. A server that crashed has stored no end of the connection, so a <c>last_connected_at</c> older than
    /// the timeout means disconnected.
    /// </summary>
    public static string Of(Agent agent, DateTimeOffset now, TimeSpan inactiveTimeout)
    {
        if (agent.FirstConnectedAt is null)
        {
            // Zero seconds means no time limit.
            return agent.ConnectionTimeoutSeconds > 0 && now - agent.CreatedAt > TimeSpan.FromSeconds(agent.ConnectionTimeoutSeconds)
                ? Timeout
                : Connecting;
        }

        if (agent.DisconnectedAt > agent.LastConnectedAt || !(now - agent.LastConnectedAt <= inactiveTimeout))
        {
            return Disconnected;
        }

        return Connected;
    }

    /// <summary>The agent's health, with the reasons of Coder's server.</summary>
    public static AgentHealth HealthOf(Agent agent, string status)
    {
        var reason = (status, agent.LifecycleState) switch
        {
            (not Connected, "off") => "agent is not running",
            (Timeout, _) => "agent is taking too long to connect",
            (Disconnected, _) => "agent has lost connection",
            (_, "start_error") => "agent startup script exited with an error",
            (_, "shutting_down" or "shutdown_timeout" or "shutdown_error") => "agent is shutting down",
            _ => null,
        };
        return new AgentHealth(reason is null, reason);
    }
}
