namespace Tailnet.Coordination.Shared;

/// <summary>
/// The version of a peer's node, or of its set of tunnels. The database gives each connection of a peer a higher epoch. Within an epoch
/// only the server that has the connection counts versions. Whatever arrives replaces what is older, in any order.
/// </summary>
/// <param name="Epoch">The epoch of the peer's connection; 0 for none.</param>
/// <param name="Number">Counts changes within the epoch.</param>
internal readonly record struct StateVersion(long Epoch, long Number) : IComparable<StateVersion>
{
    /// <summary>The number of the last version of an epoch: the connection has ended.</summary>
    public const long End = long.MaxValue;

    public static bool operator >(StateVersion one, StateVersion other) => one.CompareTo(other) > 0;

    public static bool operator <(StateVersion one, StateVersion other) => one.CompareTo(other) < 0;

    public int CompareTo(StateVersion other)
    {
        var epochs = Epoch.CompareTo(other.Epoch);
        return epochs != 0 ? epochs : Number.CompareTo(other.Number);
    }
}
