using System.Collections.Immutable;
using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination.Model;

/// <summary>The tables of shared coordination. Each call is a transaction, with the conditions of the statements S2 to S5.</summary>
internal sealed class ModelDatabase
{
    private readonly Dictionary<Guid, long> _highest = [];
    private long _epochs;
    private int _names;

    public Dictionary<Guid, ModelRow> Rows { get; } = [];

    public Guid Generation { get; private set; }

    public HashSet<Guid> Fenced { get; } = [];

    /// <summary>The node of each version that was written.</summary>
    public Dictionary<(Guid Peer, StateVersion Version), ReadOnlyMemory<byte>> Written { get; } = [];

    public ModelDatabase() => Generation = NewId();

    public Guid NewId() => new(++_names, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

    /// <summary>The tables are empty, and the sequence of epochs leaps.</summary>
    public void Crash()
    {
        Rows.Clear();
        Generation = NewId();
        _epochs += 1000;
    }

    /// <summary>Ends the peers of a server that another one has declared dead.</summary>
    public void Fence(Guid server)
    {
        Fenced.Add(server);
        foreach (var row in Rows.Values.Where(row => row.Server == server && row.State <= PeerState.Moving))
        {
            row.End(PeerState.Lost);
        }
    }

    public WriteAnswer Commit(PendingWrite write, IReadOnlySet<Guid> ownServers)
    {
        foreach (var end in write.Ends)
        {
            Commit(end);
        }

        var claimed = write.Claims.Select(claim => (claim.Peer, Answer: Commit(claim, write.Server, ownServers)))
            .Where(static claim => claim.Answer is not null).ToDictionary(static claim => claim.Peer, static claim => claim.Answer!);
        HashSet<Guid> refused = [];
        refused.UnionWith(write.Nodes.Where(node => !Commit(node)).Select(static node => node.Peer));
        refused.UnionWith(write.Sets.Where(set => !Commit(set)).Select(static set => set.Peer));
        return new WriteAnswer(claimed, refused);
    }

    public Dictionary<Guid, PeerRow> Read(RowsRead read) => read.Peers.Where(peer => Rows.ContainsKey(peer.Id))
        .ToDictionary(static peer => peer.Id, peer => Rows[peer.Id].Read());

    public Guid[] Read(OpenersRead read) =>
        [.. Rows.Where(row => read.Targets.Any(row.Value.Targets.Contains)).Select(static row => row.Key)];

    private void Commit(PendingEnd end)
    {
        if (end.Node is { } node)
        {
            Commit(node);
        }

        if (end.Set is { } set)
        {
            Commit(set);
        }

        if (end.State is null || !Rows.TryGetValue(end.Peer, out var row) || row.Epoch != end.Epoch)
        {
            return;
        }

        if (end.State != PeerState.Moving)
        {
            row.End(end.State.Value);
        }
        else if (row.Version <= end.Version)
        {
            (row.State, row.Version) = (PeerState.Moving, end.Version);
            Written[(end.Peer, new StateVersion(row.Epoch, row.Version))] = row.Node ?? default;
        }
    }

    private ClaimedPeer? Commit(PendingClaim claim, Guid server, IReadOnlySet<Guid> ownServers)
    {
        Rows.TryGetValue(claim.Peer, out var row);
        if (row is not null && row.Epoch > claim.Known && !ownServers.Contains(row.Server))
        {
            return null;
        }

        var known = claim.Known < long.MaxValue ? claim.Known + 1 : 0;
        var epoch = Math.Max(++_epochs, Math.Max(known, row is null ? 0 : row.Epoch + 1));
        Assert.True(epoch > _highest.GetValueOrDefault(claim.Peer), "I1: epochs grow");
        _highest[claim.Peer] = epoch;
        var kept = row?.Targets ?? [];
        Rows[claim.Peer] = row = new ModelRow
        {
            Epoch = epoch,
            Server = server,
            Version = claim.NodeVersion,
            Node = claim.Node?.Bytes,
            TunnelsVersion = claim.SetVersion,
            Targets = claim.SetOn(kept),
        };
        if (claim.Ended is { } state)
        {
            row.End(state);
        }
        else
        {
            Written[(claim.Peer, new StateVersion(epoch, claim.NodeVersion))] = row.Node ?? default;
        }

        return new ClaimedPeer(epoch, kept);
    }

    private bool Commit(PendingNode node)
    {
        // Frames go out whether or not the row takes it.
        Written[(node.Peer, node.Version)] = node.Node.Bytes;
        if (!Rows.TryGetValue(node.Peer, out var row) || row.Epoch != node.Version.Epoch || row.Version > node.Version.Number)
        {
            return false;
        }

        (row.Version, row.Node) = (node.Version.Number, node.Node.Bytes);
        return true;
    }

    private bool Commit(PendingSet set)
    {
        if (!Rows.TryGetValue(set.Peer, out var row) || row.Epoch != set.Version.Epoch || row.TunnelsVersion > set.Version.Number)
        {
            return false;
        }

        (row.TunnelsVersion, row.Targets) = (set.Version.Number, row.Targets.Except(set.Removed).Union(set.Added));
        return true;
    }
}

/// <summary>A row of <c>tailnet_peers</c>, with its tunnels.</summary>
internal sealed class ModelRow
{
    public required long Epoch { get; init; }

    public required Guid Server { get; init; }

    public PeerState State { get; set; }

    public required long Version { get; set; }

    public required ReadOnlyMemory<byte>? Node { get; set; }

    public required long TunnelsVersion { get; set; }

    public required ImmutableHashSet<Guid> Targets { get; set; }

    public void End(PeerState state) =>
        (State, Version, Node, TunnelsVersion, Targets) = (state, StateVersion.End, null, StateVersion.End, []);

    public PeerRow Read() => new(Epoch, Server, State, Version, Node, TunnelsVersion, Targets);
}
