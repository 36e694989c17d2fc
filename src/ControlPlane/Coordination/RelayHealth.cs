namespace ControlPlane.Coordination;

/// <summary>
/// Whether a relay belongs in the map: it leaves once its probes have failed for a while without exception, and returns once they have
/// succeeded for as long. At first it is in. Pure: time comes with each probe.
/// </summary>
/// <param name="period">How long probes must say the same to be believed.</param>
internal sealed class RelayHealth(TimeSpan period)
{
    private TimeSpan? _otherwiseSince;

    /// <summary>Whether it is in the map.</summary>
    public bool IsIn { get; private set; } = true;

    /// <summary>Takes what a probe found; true when that changed <see cref="IsIn"/>.</summary>
    /// <param name="succeeded">Whether the relay answered.</param>
    /// <param name="at">When, since any fixed moment; never earlier than the time before.</param>
    public bool Report(bool succeeded, TimeSpan at)
    {
        if (succeeded == IsIn)
        {
            _otherwiseSince = null;
            return false;
        }

        _otherwiseSince ??= at;
        if (at - _otherwiseSince < period)
        {
            return false;
        }

        _otherwiseSince = null;
        IsIn = succeeded;
        return true;
    }
}
