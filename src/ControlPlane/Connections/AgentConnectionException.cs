using Tailnet.Peer;

namespace ControlPlane.Connections;

/// <summary>An agent cannot be reached, or has answered with an error. The message is for the user and contains no secrets.</summary>
public sealed class AgentConnectionException : Exception
{
    /// <summary>The status of an agent that does not have the requested shell (RFC 9110 §15.5.11).</summary>
    public const int Gone = 410;

    /// <summary>The message of a server without a path to a connected agent.</summary>
    internal const string NoWay = "This server has no way to the agent.";

    /// <summary>The agent cannot be reached.</summary>
    public AgentConnectionException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The agent has answered with this error status.</summary>
    public AgentConnectionException(int status, string message, string? detail = null)
        : base(message) => (Status, Detail) = (status, detail);

    /// <summary>The agent could not be dialed over the tailnet.</summary>
    public AgentConnectionException(DialException exception)
        : base(exception?.Failure == DialFailure.NoNode ? NoWay : exception?.Message, exception) =>
        (Dial, IsOfPort) = (exception?.Failure, exception?.Failure is DialFailure.Refused or DialFailure.Busy);

    /// <summary>The HTTP status of the agent's response; null without a response.</summary>
    public int? Status { get; }

    /// <summary>The cause in more detail, for an administrator; null for none.</summary>
    public string? Detail { get; }

    /// <summary>Why the dial over the tailnet failed; null for another failure.</summary>
    public DialFailure? Dial { get; }

    /// <summary>Whether the failure is the port's and not the tunnel's: the agent refused it, or too many connections are open.</summary>
    public bool IsOfPort { get; init; }
}
