using System.Buffers.Binary;
using Relay.Derp.Wire;

namespace EndToEnd.Derp;

/// <summary>Receivers that read more slowly than they are sent to: lost packets, delays of others, and the memory of queues.</summary>
public class OverloadTests
{
    private static readonly byte[] Filler = new byte[1200];

    // The receiver has a small socket buffer, so packets queue in the relay.
    private const int LittleBuffer = 4096;

    [Fact]
    public async Task AFloodDoesNotPushOutAQuietSendersPackets()
    {
        // For each ten packets that the receiver reads, the flood sends fifty and the quiet sender one: at 1,000 packets read each
        // second, 5,000 and 100.
        const int Rounds = 1000;
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay", "Relay:Stun:Enabled=false");
        using var receiver = await DerpPeer.JoinAsync(edge.PublicUrl, receiveBuffer: LittleBuffer);
        using var flood = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var quiet = await DerpPeer.JoinAsync(edge.PublicUrl);
        byte[] burst = [.. Enumerable.Repeat(DerpPeer.Packet(receiver.Key, Filler), 50).SelectMany(static frame => frame)];
        var (heard, number, flooded) = (new HashSet<int>(), 0, 0);
        for (; number < Rounds; number++)
        {
            await flood.WriteAsync(burst);
            await quiet.SendAsync(receiver.Key, Numbered(number));
            for (var i = 0; i < 10; i++)
            {
                await ReadAsync();
            }
        }

        while (!heard.Contains(number - 1))
        {
            await ReadAsync();
        }

        var lost = number - heard.Count;
        Assert.True(lost < number / 100, $"{lost} of {number} are lost.");
        Assert.True(edge.Metric("derp_packets_dropped{kind=\"other\",reason=\"queue_head\"}") > 10 * Rounds, "It was no flood.");
        Assert.True(flooded > 0);

        async Task ReadAsync()
        {
            var (type, payload) = await receiver.NextAsync();
            Assert.Equal(DerpFrameType.RecvPacket, type);
            if (new NodeKey(payload) == quiet.Key)
            {
                Assert.True(heard.Add(BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(NodeKey.Length))));
            }
            else
            {
                flooded++;
            }
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(128)]
    public async Task AReceiverThatStopsReadingFreezesNobodyAndLosesItsOldest(int depth)
    {
        const int Count = 3000;
        await using var edge = await TestNode.StartAsync(
            new ManualTimeProvider(), waitUntilReady: true, "Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s",
            $"Relay:Derp:QueueDepth={depth}");
        using var alice = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var bob = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var cathy = await DerpPeer.JoinAsync(edge.PublicUrl, receiveBuffer: LittleBuffer);
        for (var i = 0; i < Count; i++)
        {
            await alice.SendAsync(cathy.Key, Numbered(i));
            await alice.SendAsync(bob.Key, Numbered(i));
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(await bob.ExpectAsync(alice.Key)));
        }

        var view = edge.Client(cathy);
        var lost = view.Dropped;
        Assert.Equal(depth, view.QueuePackets);
        Assert.True(lost > 0);
        var last = -1;
        for (var i = 0; i < Count - lost; i++)
        {
            var next = BinaryPrimitives.ReadInt32BigEndian(await cathy.ExpectAsync(alice.Key));
            Assert.True(next > last);
            last = next;
        }

        Assert.Equal(Count - 1, last);
        await cathy.AssertQuietAsync();
    }

    [Fact]
    public async Task AReceiverThatTakesNothingIsClosedAfterTwoSeconds()
    {
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s");
        using var alice = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var cathy = await DerpPeer.JoinAsync(edge.PublicUrl, receiveBuffer: LittleBuffer);
        while (edge.Metric("derp_packets_dropped{kind=\"other\",reason=\"queue_head\"}") == 0)
        {
            for (var i = 0; i < 500; i++)
            {
                await alice.SendAsync(cathy.Key, Filler);
            }
        }

        clock.Advance(TimeSpan.FromSeconds(1));
        clock.Advance(TimeSpan.FromSeconds(1.9));
        await alice.AssertQuietAsync();
        await edge.MetricIsAsync("derp_sclient_write_timeouts 0");
        clock.Advance(TimeSpan.FromSeconds(1));

        await edge.MetricIsAsync("derp_sclient_write_timeouts 1");
        await edge.MetricIsAsync("derp_current_connections 1");
        await edge.MetricIsAsync("derp_queue_bytes 0");
        await alice.AssertQuietAsync();
    }

    [Fact]
    public async Task PacketsOfAProberArriveInOrderAndWithoutLoss()
    {
        // Upstream's prober: 64 KiB each, at most 30 in flight. It sends 100 MB; here a fifth of them.
        const int Total = 305;
        const int InFlight = 30;
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay", "Relay:Stun:Enabled=false");
        using var from = await DerpPeer.JoinAsync(edge.PublicUrl, info: new ClientInfo(2, null, true, true).ToJson());
        using var to = await DerpPeer.JoinAsync(edge.PublicUrl, info: new ClientInfo(2, null, true, true).ToJson());
        var (packet, sent) = (new byte[65_536], 0);
        for (var received = 0; received < Total; received++)
        {
            for (; sent < Total && sent - received < InFlight; sent++)
            {
                BinaryPrimitives.WriteInt32BigEndian(packet, sent);
                await from.SendAsync(to.Key, packet);
            }

            var got = await to.ExpectAsync(from.Key);
            Assert.Equal((65_536, received), (got.Length, BinaryPrimitives.ReadInt32BigEndian(got)));
        }
    }

    [Fact]
    public async Task AClientAboveItsRateWaitsAndAMeshPeerDoesNot()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("mesh.key"), RelayFixture.MeshKey);
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s",
            "Relay:Derp:RateLimitPerClient=65568", $"Relay:Derp:MeshKeyFile={directory.File("mesh.key")}");
        var key = NodePrivateKey.Generate();
        using var receiver = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var mesh = await DerpPeer.JoinAsync(edge.PublicUrl, info: DerpPeer.MeshInfo(RelayFixture.MeshKey));
        using var client = await DerpPeer.JoinAsync(edge.PublicUrl, key);
        for (var i = 0; i < 5; i++)
        {
            await mesh.SendAsync(receiver.Key, new byte[65_536]);
            await receiver.ExpectAsync(mesh.Key);
        }

        await edge.MetricIsAsync("derp_rate_limit_per_client_waited 0");
        await client.SendAsync(receiver.Key, new byte[65_536]);
        await client.SendAsync(receiver.Key, new byte[65_536]);
        await receiver.ExpectAsync(client.Key);
        await edge.MetricIsAsync("derp_rate_limit_per_client_waited 1");
        await receiver.AssertQuietAsync();

        // Another connection of the key has a bucket of its own.
        using var duplicate = await DerpPeer.JoinAsync(edge.PublicUrl, key);
        await duplicate.SendAsync(receiver.Key, new byte[65_536]);
        await receiver.ExpectAsync(client.Key);
        await clock.AdvanceUntilAsync(receiver.ExpectAsync(client.Key));
    }

    private static byte[] Numbered(int number)
    {
        var packet = Filler.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(packet, number);
        return packet;
    }
}
