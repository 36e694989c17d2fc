namespace Tailnet.Coordination.Shared;

/// <summary>The surroundings of a coordinator that shares its peers with other servers.</summary>
/// <param name="Time">The clock.</param>
/// <param name="Limits">The sizes of entries.</param>
/// <param name="WorkWaits">Called under the coordinator's lock when something is to be written or read. It only sets a signal.</param>
internal sealed record Sharing(TimeProvider Time, EntryLimits Limits, Action WorkWaits)
{
    /// <summary>The time after which a peer of a drained server is taken for lost.</summary>
    public TimeSpan MovingFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The time after which a peer without a row is taken for lost.</summary>
    public TimeSpan DoubtFor { get; init; } = TimeSpan.FromSeconds(20);
}
