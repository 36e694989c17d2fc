namespace Relay.Streams;

/// <summary>What a drain does with a stream.</summary>
public enum StreamKind
{
    /// <summary>Closed when its turn comes within the drain's window.</summary>
    Other = 0,

    /// <summary><c>coordinate</c>, <c>me/rpc</c>, <c>tailnet</c>: closed at once, since its clients redial.</summary>
    Coordination,
}

/// <summary>Whether the relay follows frames in a stream.</summary>
public enum StreamFraming
{
    /// <summary>WebSocket frames (RFC 6455 §5), followed in both directions.</summary>
    WebSocket = 0,

    /// <summary>Bytes without frames: nothing is followed, and nothing injected.</summary>
    Raw,
}

/// <summary>What the relay needs to know of a stream.</summary>
/// <param name="Kind">What a drain does with it.</param>
/// <param name="Framing">Whether its frames are followed.</param>
/// <param name="Route">The metric tag <c>route</c>; one of a small fixed set, never a path as a client wrote it.</param>
public readonly record struct StreamInfo(StreamKind Kind, StreamFraming Framing, string Route);

/// <summary>How a stream went.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="BytesToBackend">Bytes relayed from the client, injected frames not counted.</param>
/// <param name="BytesToClient">Bytes relayed from the API server, injected frames not counted.</param>
/// <param name="Duration">From start to end.</param>
/// <param name="ClientCloseCode">The code of the client's close frame (1005 when it had none); null when none passed.</param>
/// <param name="BackendCloseCode">The code of the API server's close frame (1005 when it had none); null when none passed.</param>
public readonly record struct StreamReport(
    StreamCloseReason Reason, long BytesToBackend, long BytesToClient, TimeSpan Duration, int? ClientCloseCode, int? BackendCloseCode);
