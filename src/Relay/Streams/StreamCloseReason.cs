namespace Relay.Streams;

/// <summary>
/// Why a relayed stream ended. A closed set: it is also the metric label (<see cref="StreamCloseReasons.Label"/>) and the log field.
/// </summary>
public enum StreamCloseReason
{
    /// <summary>An orderly end that the client began, by a close frame or the end of its bytes.</summary>
    ClientClosed = 0,

    /// <summary>An orderly end that the API server began, by a close frame or the end of its bytes.</summary>
    BackendClosed,

    /// <summary>The client's connection broke or was reset. The relay has reset the API server's.</summary>
    ClientAborted,

    /// <summary>The API server's connection broke or was reset. The relay has reset the client's.</summary>
    BackendAborted,

    /// <summary>The client sent bytes that are no WebSocket frames.</summary>
    ClientProtocolError,

    /// <summary>The API server sent bytes that are no WebSocket frames.</summary>
    BackendProtocolError,

    /// <summary>The client ended its bytes in the middle of a frame.</summary>
    ClientCutMidFrame,

    /// <summary>The API server ended its bytes in the middle of a frame.</summary>
    BackendCutMidFrame,

    /// <summary>
    /// Both close frames had passed, but a connection stayed open for longer than <see cref="StreamRelayOptions.CloseLinger"/>.
    /// </summary>
    LingerExpired,

    /// <summary>The drain closed the stream in order.</summary>
    Drained,

    /// <summary>
    /// The drain reset the stream: no frame boundary came within the grace period, so the relay could not write a close frame.
    /// </summary>
    DrainCutMidFrame,

    /// <summary>
    /// The drain reset the stream: a peer did not read, so the relay could not write a close frame within the grace period.
    /// </summary>
    DrainBlocked,

    /// <summary>The host reset the stream.</summary>
    HostAborted,

    /// <summary>
    /// The API server has ended its bytes, and the client has read nothing of the rest for <see cref="StreamRelayOptions.StalledReader"/>.
    /// </summary>
    ClientStalled,

    /// <summary>
    /// The client has ended its bytes, and the API server has read nothing of the rest for <see cref="StreamRelayOptions.StalledReader"/>.
    /// </summary>
    BackendStalled,
}

/// <summary>The labels of <see cref="StreamCloseReason"/> in metrics and logs.</summary>
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
