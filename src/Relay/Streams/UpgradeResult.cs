using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>Why an upgrade came to no answer that could be relayed.</summary>
public enum UpgradeFailure
{
    /// <summary>The connection ended or broke before the response head was whole.</summary>
    BackendClosed = 0,

    /// <summary>No HTTP/1.x response, one that contradicts itself, or a 101 that does not answer this request.</summary>
    BadAnswer,

    /// <summary>The response head goes beyond its bounds.</summary>
    HeadTooLarge,

    /// <summary>No whole response head in time.</summary>
    Timeout,

    /// <summary>Nothing was sent: the request cannot be written as one HTTP/1.1 head, or does not ask for exactly one protocol.</summary>
    UnwritableRequest,
}

/// <summary>What became of an upgrade: <see cref="UpgradeAccepted"/>, <see cref="UpgradeRefused"/> or <see cref="UpgradeFailed"/>.</summary>
public abstract record UpgradeResult;

/// <summary>The API server answered with the right 101; the transport stands at the first byte after its head.</summary>
/// <param name="Head">The 101's head.</param>
/// <param name="Framing">Whether frames follow.</param>
public sealed record UpgradeAccepted(ResponseHead Head, StreamFraming Framing) : UpgradeResult;

/// <summary>The API server gave another answer, to be relayed as it is. There is no tunnel: dispose the transport afterwards.</summary>
/// <param name="Head">The answer's head.</param>
/// <param name="Body">The answer's body, yet to be read.</param>
public sealed record UpgradeRefused(ResponseHead Head, ResponseBody Body) : UpgradeResult;

/// <summary>There is no answer to relay: dispose the transport.</summary>
/// <param name="Failure">Why.</param>
public sealed record UpgradeFailed(UpgradeFailure Failure) : UpgradeResult;
