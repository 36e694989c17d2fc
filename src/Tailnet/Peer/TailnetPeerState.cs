namespace Tailnet.Peer;

/// <summary>Where an agent is in its life within a shard.</summary>
public enum TailnetPeerState
{
    /// <summary>The shard has no state of it: it was never dialed, or has been forgotten.</summary>
    Forgotten,

    /// <summary>The coordinator has not sent its node.</summary>
    NoNode,

    /// <summary>There is no session.</summary>
    Connecting,

    /// <summary>There is a session, which is kept up.</summary>
    Up,

    /// <summary>It has had no connection for a while: its session is not renewed.</summary>
    Quiet,
}
