using System.Collections.Immutable;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;

namespace Tailnet.Tests.Coordination.Model;

/// <content>What must hold.</content>
internal sealed partial class ModelWorld
{
    /// <summary>Checks that a node is the one of its version.</summary>
    public void CheckNode(Guid peer, StateVersion? version, Node node)
    {
        if (version is { } known && Database.Written.TryGetValue((peer, known), out var written) && !written.IsEmpty)
        {
            Assert.True(node.Equals(Node.Parser.ParseFrom(written.Span)), $"I2: {peer} has another node in version {known}");
        }
    }

    private void Check()
    {
        var live = new Dictionary<Guid, ModelClient>();
        foreach (var server in _servers)
        {
            Assert.Equal(server.Clients.Count, server.Core.PeerCount);
            foreach (var client in server.Clients)
            {
                Assert.True(live.TryAdd(client.Id, client), $"I1: {client.Id} has two connections");
            }
        }

        foreach (var client in live.Values)
        {
            CheckRow(client);
            foreach (var id in _ids)
            {
                CheckView(client, id, live.GetValueOrDefault(id));
            }

            if (_current[client.Id] == client)
            {
                Assert.True(_wanted[client.Id].IsSubsetOf(Tunnels(client)), $"{client.Id} has lost a tunnel");
            }
        }

        foreach (var server in _servers)
        {
            foreach (var id in server.Core.Registers)
            {
                var targets = server.Core.TunnelsOf(id);
                Assert.True(
                    server.Clients.Exists(client => client.Id == id || targets.Contains(client.Id) || Tunnels(client).Contains(id)),
                    $"I6: {server.Name} has a register of {id}");
            }
        }
    }

    private static ImmutableHashSet<Guid> Tunnels(ModelClient client) => client.Server.Core.TunnelsOf(client.Id);

    private void CheckRow(ModelClient client)
    {
        Assert.True(Database.Rows.TryGetValue(client.Id, out var row), $"{client.Id} has no row");
        Assert.Equal(
            (client.Peer.Shared!.Epoch, client.Server.Name, PeerState.Here), (row.Epoch, row.Server, row.State));
        Assert.Equal(client.Peer.Node?.Bytes.ToArray(), row.Node?.ToArray());
        Assert.True(row.Targets.SetEquals(Tunnels(client)), $"the row of {client.Id} has other tunnels");
    }

    private static void CheckView(ModelClient reader, Guid id, ModelClient? other)
    {
        if (id == reader.Id)
        {
            return;
        }

        var seen = reader.View.GetValueOrDefault(id);
        if (other is null || !(Tunnels(reader).Contains(id) || Tunnels(other).Contains(reader.Id)))
        {
            Assert.True(seen == 0, $"I3: {reader.Id} still sees {seen} of {id}");
        }
        else if (other.Peer.Node is { } node)
        {
            var value = Node.Parser.ParseFrom(node.Bytes.Span).Id;
            Assert.True(seen == value, $"I3: {reader.Id} sees {seen} of {id}, and not {value}");
        }
    }
}
