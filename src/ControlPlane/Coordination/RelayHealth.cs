namespace ControlPlane.Coordination;

/// <summary>
/// The health of a relay, with hysteresis: a relay becomes unhealthy when all its probes have failed for a period, and healthy when all
/// have succeeded for as long. A new relay is healthy. Pure: each probe has its time.
/// </summary>
/// <param name="period">How long probes must have the opposite result before the health changes.</param>
internal sealed class RelayHealth(TimeSpan period)
{
    private TimeSpan? _oppositeSince;

    /// <summary>Whether the relay belongs in the map.</summary>
    public bool IsHealthy { get; private set; } = true;

    /// <summary>Records the result of a probe. True if it changed <see cref="IsHealthy"/>.</summary>
    /// <param name="succeeded">Whether the relay answered.</param>
    /// <param name="at">The monotonic time of the probe.</param>
    public bool Report(bool succeeded, TimeSpan at)
    {
        if (succeeded == IsHealthy)
        {
            _oppositeSince = null;
            return false;
        }

        _oppositeSince ??= at;
        if (at - _oppositeSince < period)
        {
            return false;
        }

        _oppositeSince = null;
        IsHealthy = succeeded;
        return true;
    }
}
