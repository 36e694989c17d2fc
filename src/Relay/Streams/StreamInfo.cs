namespace Relay.Streams;

/// <summary>When a drain closes a stream.</summary>
public enum StreamKind
{
    /// <summary>The drain spreads the closes of these streams evenly over its window.</summary>
    Other = 0,

    /// <summary><c>coordinate</c>, <c>me/rpc</c>, <c>tailnet</c>: the drain closes them at once, because their clients reconnect.</summary>
    Coordination,
}

/// <summary>Whether the relay follows frames in a stream.</summary>
public enum StreamFraming
{
    /// <summary>WebSocket frames (RFC 6455 §5), followed in both directions.</summary>
    WebSocket = 0,

    /// <summary>Bytes without frames: the relay follows nothing and injects nothing.</summary>
    Raw,
}

/// <summary>The properties of a stream that the relay needs.</summary>
/// <param name="Kind">When a drain closes it.</param>
/// <param name="Framing">Whether the relay follows its frames.</param>
/// <param name="Route">The metric tag <c>route</c>; one of a small fixed set, never a path as a client wrote it.</param>
public readonly record struct StreamInfo(StreamKind Kind, StreamFraming Framing, string Route);

/// <summary>The result of a stream.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="BytesToBackend">Bytes relayed from the client, without injected frames.</param>
/// <param name="BytesToClient">Bytes relayed from the API server, without injected frames.</param>
/// <param name="Duration">From start to end.</param>
/// <param name="ClientCloseCode">
/// The code of the client's close frame (1005 for a frame without a code); null without a close frame.
/// </param>
/// <param name="BackendCloseCode">The code of the API server's close frame, in the same way.</param>
public readonly record struct StreamReport(
    StreamCloseReason Reason, long BytesToBackend, long BytesToClient, TimeSpan Duration, int? ClientCloseCode, int? BackendCloseCode);
