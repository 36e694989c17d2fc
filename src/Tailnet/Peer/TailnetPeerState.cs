namespace Tailnet.Peer;

/// <summary>The state of an agent within a stack.</summary>
public enum TailnetPeerState
{
    /// <summary>The stack has no state of the agent: it was never dialed, or has been forgotten.</summary>
    Forgotten,

    /// <summary>The coordinator has not sent the agent's node.</summary>
    NoNode,

    /// <summary>The node is known, and there is no session.</summary>
    Connecting,

    /// <summary>There is a session, which keep-alives maintain.</summary>
    Up,

    /// <summary>The agent has had no connection for <see cref="TailnetStackOptions.QuietAfter"/>: its session is not renewed.</summary>
    Quiet,
}
