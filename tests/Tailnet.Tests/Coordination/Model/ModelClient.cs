using Tailnet.Coordination;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;
using ReadyForHandshake = Tailnet.Messages.CoordinateRequest.Types.ReadyForHandshake;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests.Coordination.Model;

/// <summary>A connection of a peer, and what it was told.</summary>
internal sealed class ModelClient(ModelWorld world, ModelServer server, CoordinatedPeer peer)
{
    private readonly Dictionary<Guid, StateVersion?> _told = [];

    public ModelServer Server => server;

    public CoordinatedPeer Peer => peer;

    public Guid Id => peer.Id;

    public bool IsOver => peer.IsOver;

    /// <summary>The node that was last told of each peer; 0 when its end was told since.</summary>
    public Dictionary<Guid, long> View { get; } = [];

    public void Send(CoordinateRequest request) => server.Core.Handle(peer, request);

    public void Tell(long value)
    {
        var node = new Node { Id = value };
        if (value % 3 == 0)
        {
            // Too large for an entry.
            node.Endpoints.Add("a long endpoint's address");
        }

        Send(new CoordinateRequest { UpdateSelf = new() { Node = node } });
    }

    public void Open(Guid target) => Send(new CoordinateRequest { AddTunnel = new() { Id = PeerIds.Write(target) } });

    public void Remove(Guid target) => Send(new CoordinateRequest { RemoveTunnel = new() { Id = PeerIds.Write(target) } });

    public void Ready(Guid target) =>
        Send(new CoordinateRequest { ReadyForHandshake = { new ReadyForHandshake { Id = PeerIds.Write(target) } } });

    /// <summary>Reads all responses, and checks I2 and I5.</summary>
    /// <param name="isCurrent">Whether this happens after each step, so that the server still has the versions that it told.</param>
    public void Read(bool isCurrent)
    {
        while (server.Core.Take(peer, out _) is { } response)
        {
            foreach (var update in response.PeerUpdates)
            {
                Assert.True(PeerIds.TryRead(update.Id, out var id));
                world.Trace?.Add($"{server.Name} {Id} is told of {id} {server.Core.VersionOf(id)}: {update.Kind} {update.Node?.Id}");
                Read(id, update, isCurrent);
            }
        }
    }

    private void Read(Guid id, CoordinateResponse.Types.PeerUpdate update, bool isCurrent)
    {
        var before = View.GetValueOrDefault(id);
        switch (update.Kind)
        {
            case Kind.Node:
                // A connection that is over is told nothing more, so that what is left to read may be older than the server's state.
                var version = isCurrent && !IsOver ? server.Core.VersionOf(id) : null;
                if (version is not null)
                {
                    Assert.False(
                        before != 0 && version is { } now && _told.GetValueOrDefault(id) is { } then && now < then,
                        $"I2: {id} of {version} after {_told.GetValueOrDefault(id)}");
                    world.CheckNode(id, version, update.Node);
                }

                Assert.True(!world.IsOrdered(id) || before == 0 || before <= update.Node.Id, $"I2: node {update.Node.Id} after {before}");
                View[id] = update.Node.Id;
                _told[id] = version;
                break;
            case Kind.ReadyForHandshake:
                Assert.True(before != 0, "READY before the node");
                world.CountReady();
                break;
            case Kind.Disconnected:
                Assert.True(world.MayBeDisconnected(peer.Id, id), $"I5: {peer.Id} was told that {id} has disconnected");
                View[id] = 0;
                break;
            default:
                View[id] = 0;
                break;
        }
    }
}
