namespace Relay.Streams;

/// <summary>Why a relayed stream ended; a closed set, which is also the metric label and the log field.</summary>
public enum StreamCloseReason
{
    /// <summary>Both sides finished in order.</summary>
    Finished,
}
