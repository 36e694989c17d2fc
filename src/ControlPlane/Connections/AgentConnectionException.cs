namespace ControlPlane.Connections;

/// <summary>An agent that cannot be reached, or that refuses. The message is for the user and holds no secrets.</summary>
public sealed class AgentConnectionException : Exception
{
    /// <summary>The status of an agent that does not have the shell that was asked for (RFC 9110 §15.5.11).</summary>
    public const int Gone = 410;

    /// <summary>The agent cannot be reached.</summary>
    public AgentConnectionException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The agent has answered with this error status.</summary>
    public AgentConnectionException(int status, string message, string? detail = null)
        : base(message) => (Status, Detail) = (status, detail);

    /// <summary>The HTTP status of the agent's answer; null when it gave none.</summary>
    public int? Status { get; }

    /// <summary>More for whoever mends it.</summary>
    public string? Detail { get; }
}
