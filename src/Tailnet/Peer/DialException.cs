namespace Tailnet.Peer;

/// <summary>Why a dial failed; a closed set, which is also the metric label.</summary>
public enum DialFailure
{
    /// <summary>The agent's node, a session or the answer to the SYN did not come in time.</summary>
    NotReachable,

    /// <summary>The agent has refused the connection: nothing listens on the port.</summary>
    Refused,

    /// <summary>A bound is reached: connections, waiting dials, agents or memory.</summary>
    Busy,

    /// <summary>The agent has disconnected while the dial waited for the answer to its SYN.</summary>
    Lost,

    /// <summary>The agent has started again with another key while the dial waited for the answer to its SYN.</summary>
    Restarted,

    /// <summary>The node stops.</summary>
    Stopping,
}

/// <summary>No connection to the agent came about.</summary>
/// <param name="failure">Why.</param>
public sealed class DialException(DialFailure failure) : IOException(Text(failure))
{
    /// <summary>Why.</summary>
    public DialFailure Failure { get; } = failure;

    private static string Text(DialFailure failure) => failure switch
    {
        DialFailure.NotReachable => "workspace agent not reachable in time",
        DialFailure.Refused => "connection refused",
        DialFailure.Busy => "too many connections",
        DialFailure.Lost => "agent lost",
        DialFailure.Restarted => "agent restarted",
        DialFailure.Stopping => "the server stops",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "not a failure"),
    };
}
