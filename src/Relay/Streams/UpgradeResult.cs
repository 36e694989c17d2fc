using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>Why an upgrade request got no answer that the relay can forward.</summary>
public enum UpgradeFailure
{
    /// <summary>The connection ended or broke before the response head was complete.</summary>
    BackendClosed = 0,

    /// <summary>The answer is no HTTP/1.x response, contradicts itself, or is a 101 that does not fit the request.</summary>
    BadAnswer,

    /// <summary>The response head is over its limits.</summary>
    HeadTooLarge,

    /// <summary>The response head was not complete in time.</summary>
    Timeout,

    /// <summary>Nothing was sent: the request cannot be written as one HTTP/1.1 head, or does not name exactly one protocol.</summary>
    UnwritableRequest,
}

/// <summary>The result of an upgrade: <see cref="UpgradeAccepted"/>, <see cref="UpgradeRefused"/> or <see cref="UpgradeFailed"/>.</summary>
public abstract record UpgradeResult;

/// <summary>The API server answered with a valid 101; the transport's next byte is the first one after the head.</summary>
/// <param name="Head">The 101's head.</param>
/// <param name="Framing">Whether WebSocket frames follow.</param>
public sealed record UpgradeAccepted(ResponseHead Head, StreamFraming Framing) : UpgradeResult;

/// <summary>
/// The API server gave another answer, which is forwarded unchanged. There is no tunnel: dispose the transport afterwards.
/// </summary>
/// <param name="Head">The answer's head.</param>
/// <param name="Body">The answer's body, not read yet.</param>
public sealed record UpgradeRefused(ResponseHead Head, ResponseBody Body) : UpgradeResult;

/// <summary>There is no answer to forward: dispose the transport.</summary>
/// <param name="Failure">Why.</param>
public sealed record UpgradeFailed(UpgradeFailure Failure) : UpgradeResult;
