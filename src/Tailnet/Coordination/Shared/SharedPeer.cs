using System.Collections.Immutable;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// The versions of a local connection, and its changes that the database has not confirmed. Not thread-safe: the coordinator holds its
/// lock.
/// </summary>
internal sealed class SharedPeer
{
    /// <summary>The number of the node's version at the last change.</summary>
    public long NodeVersion { get; set; }

    /// <summary>The last <see cref="NodeVersion"/> that the database has.</summary>
    public long NodeWritten { get; set; }

    /// <summary>The number of the set's version at the last change.</summary>
    public long SetVersion { get; set; }

    /// <summary>The last <see cref="SetVersion"/> that the database has.</summary>
    public long SetWritten { get; private set; }

    /// <summary>
    /// The tunnels that were opened or removed since <see cref="SetWritten"/>, with the version of their last change. Before the claim is
    /// answered also those that seem to be as asked for already: the row may have another set.
    /// </summary>
    public Dictionary<Guid, long> Touched { get; } = [];

    /// <summary>The epoch that the database gave to the connection; 0 before the first answer.</summary>
    public long Epoch { get; set; }

    /// <summary>The end of a connection that is still to be claimed.</summary>
    public PeerState? Ended { get; set; }

    /// <summary>
    /// Whether the database may have a row by this server for the peer: then an end before the claim's answer is claimed, too.
    /// </summary>
    public bool MayHaveRow { get; set; }

    /// <summary>Whether the connection is in the queue of those with changes, or its changes are being written.</summary>
    public bool IsMarked { get; set; }

    public bool IsClaimed => Epoch != 0;

    public bool HasChanges => NodeVersion > NodeWritten || Touched.Count > 0;

    public void Touch(Guid target) => Touched[target] = SetVersion;

    /// <summary>The database has the set up to a version.</summary>
    public void Confirm(long setVersion)
    {
        SetWritten = setVersion;
        foreach (var (target, version) in Touched)
        {
            if (version <= setVersion)
            {
                Touched.Remove(target);
            }
        }
    }

    /// <summary>Takes over what the peer's older connection to this server has not written.</summary>
    /// <param name="older">The older connection.</param>
    /// <param name="set">Targets that count as changed, too.</param>
    public void Continue(SharedPeer older, ImmutableHashSet<Guid> set)
    {
        foreach (var target in set.Union(older.Touched.Keys))
        {
            Touch(target);
        }
    }

    /// <summary>Returns the changes of the set; null without any.</summary>
    public PendingSet? Changes(Guid id, ImmutableHashSet<Guid> set) => Touched.Count == 0
        ? null
        : new PendingSet(id, new StateVersion(Epoch, SetVersion), SetWritten, Added(set), Removed(set));

    /// <summary>Returns the node, unless the database has it.</summary>
    public PendingNode? NewNode(Guid id, NodeSnapshot? node) => NodeVersion > NodeWritten && node is not null
        ? new PendingNode(id, new StateVersion(Epoch, NodeVersion), node)
        : null;

    public Guid[] Added(ImmutableHashSet<Guid> set) => [.. Touched.Keys.Where(set.Contains)];

    public Guid[] Removed(ImmutableHashSet<Guid> set) => [.. Touched.Keys.Where(target => !set.Contains(target))];
}
