namespace Tailnet.Coordination.Shared;

/// <summary>Ids to look up in the database, always after the registers for the answers were made.</summary>
/// <param name="Round">The resynchronisation to which it belongs: a later one makes its answer worthless.</param>
internal abstract record PendingRead(long Round);

/// <summary>Peers whose rows are to be read.</summary>
/// <param name="Round">The resynchronisation.</param>
/// <param name="Number">Counts the reads.</param>
/// <param name="Peers">At most 1,000 peers, with the versions of their registers' nodes at this time.</param>
internal sealed record RowsRead(long Round, long Number, IReadOnlyList<(Guid Id, StateVersion Version)> Peers) : PendingRead(Round);

/// <summary>Local peers for which the database is asked who has opened tunnels to them.</summary>
internal sealed record OpenersRead(long Round, IReadOnlyList<Guid> Targets) : PendingRead(Round);
