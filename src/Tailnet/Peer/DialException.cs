namespace Tailnet.Peer;

/// <summary>Why a dial failed; a closed set, which is also the metric label.</summary>
public enum DialFailure
{
    /// <summary>A session or the answer to the SYN did not arrive within the time-out.</summary>
    NotReachable,

    /// <summary>The coordinator did not send the agent's node in time: the agent takes no part in the coordination.</summary>
    NoNode,

    /// <summary>The agent answered the SYN by RST: nothing listens on the port.</summary>
    Refused,

    /// <summary>A limit is reached: connections, waiting dials, agents or memory.</summary>
    Busy,

    /// <summary>The agent disconnected, or was given up as lost, before it answered the SYN.</summary>
    Lost,

    /// <summary>The agent started again with another key before it answered the SYN.</summary>
    Restarted,

    /// <summary>The stack was disposed: the node is stopping.</summary>
    Stopping,
}

/// <summary>A dial failed.</summary>
/// <param name="failure">Why the dial failed.</param>
public sealed class DialException(DialFailure failure) : IOException(Text(failure))
{
    /// <summary>Why the dial failed.</summary>
    public DialFailure Failure { get; } = failure;

    private static string Text(DialFailure failure) => failure switch
    {
        DialFailure.NotReachable => "workspace agent not reachable in time",
        DialFailure.NoNode => "this server has no way to the agent",
        DialFailure.Refused => "connection refused",
        DialFailure.Busy => "too many connections",
        DialFailure.Lost => "agent lost",
        DialFailure.Restarted => "agent restarted",
        DialFailure.Stopping => "the server stops",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "not a failure"),
    };
}
