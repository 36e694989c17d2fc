namespace Relay.Derp.Connections;

/// <summary>The result of handling a client's bytes.</summary>
internal enum ReceiveStatus
{
    /// <summary>All whole frames were handled; the rest is the beginning of a frame.</summary>
    Done,

    /// <summary>A rate limit, the client's or that of all clients, delays the rest.</summary>
    Wait,

    /// <summary>The connection must be closed.</summary>
    Close,
}
