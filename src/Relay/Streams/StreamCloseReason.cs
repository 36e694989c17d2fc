namespace Relay.Streams;

/// <summary>
/// Why a relayed stream ended; a closed set, which is also the metric label (<see cref="StreamCloseReasons.Label"/>) and the log field.
/// </summary>
public enum StreamCloseReason
{
    /// <summary>In order; the client began it, with a close frame or by ending its bytes.</summary>
    ClientClosed = 0,

    /// <summary>In order; the API server began it, with a close frame or by ending its bytes.</summary>
    BackendClosed,

    /// <summary>The client's connection broke or was reset; the API server's was reset too.</summary>
    ClientAborted,

    /// <summary>The API server's connection broke or was reset; the client's was reset too.</summary>
    BackendAborted,

    /// <summary>The client sent bytes that are no WebSocket frames.</summary>
    ClientProtocolError,

    /// <summary>The API server sent bytes that are no WebSocket frames.</summary>
    BackendProtocolError,

    /// <summary>The client ended its bytes in the middle of a frame.</summary>
    ClientCutMidFrame,

    /// <summary>The API server ended its bytes in the middle of a frame.</summary>
    BackendCutMidFrame,

    /// <summary>Both close frames had passed, but a connection stayed open for the whole linger time after them.</summary>
    LingerExpired,

    /// <summary>The drain closed it in order.</summary>
    Drained,

    /// <summary>The drain reset it: no frame boundary came within the grace, so that no close frame could be written.</summary>
    DrainCutMidFrame,

    /// <summary>The drain reset it: a peer did not read, so that no close could be written within the grace.</summary>
    DrainBlocked,

    /// <summary>The host ended it at once.</summary>
    HostAborted,

    /// <summary>
    /// The API server has ended its bytes, and the client took nothing of what was left for it for <see cref="StreamRelayOptions.StalledReader"/>.
    /// </summary>
    ClientStalled,

    /// <summary>
    /// The client has ended its bytes, and the API server took nothing of what was left for it for <see cref="StreamRelayOptions.StalledReader"/>.
    /// </summary>
    BackendStalled,
}

/// <summary>The words for <see cref="StreamCloseReason"/> in metrics and logs.</summary>
public static class StreamCloseReasons
{
    /// <summary>The reason as a metric label: lower case, words joined by underscores.</summary>
    /// <param name="reason">A reason.</param>
    public static string Label(this StreamCloseReason reason) => reason switch
    {
        StreamCloseReason.ClientClosed => "client_closed",
        StreamCloseReason.BackendClosed => "backend_closed",
        StreamCloseReason.ClientAborted => "client_aborted",
        StreamCloseReason.BackendAborted => "backend_aborted",
        StreamCloseReason.ClientProtocolError => "client_protocol_error",
        StreamCloseReason.BackendProtocolError => "backend_protocol_error",
        StreamCloseReason.ClientCutMidFrame => "client_cut_mid_frame",
        StreamCloseReason.BackendCutMidFrame => "backend_cut_mid_frame",
        StreamCloseReason.LingerExpired => "linger_expired",
        StreamCloseReason.Drained => "drained",
        StreamCloseReason.DrainCutMidFrame => "drain_cut_mid_frame",
        StreamCloseReason.DrainBlocked => "drain_blocked",
        StreamCloseReason.HostAborted => "host_aborted",
        StreamCloseReason.ClientStalled => "client_stalled",
        StreamCloseReason.BackendStalled => "backend_stalled",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
