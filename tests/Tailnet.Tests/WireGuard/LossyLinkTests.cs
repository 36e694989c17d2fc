using Tailnet.WireGuard;

namespace Tailnet.Tests.WireGuard;

/// <summary>Two nodes over a lossy network: no packet is invented or delivered twice, and sessions recover with the network.</summary>
public sealed class LossyLinkTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void PacketsArriveAtMostOnceAndSessionsReturnWhenTheNetworkDoes(int seed)
    {
        var random = new Random(seed);
        using var link = new VirtualLink(seed)
        {
            Delay = TimeSpan.FromMilliseconds(random.Next(1, 150)),
            Spread = TimeSpan.FromMilliseconds(random.Next(0, 200)),
            Loss = 0.4 * random.NextDouble(),
            Duplication = 0.3 * random.NextDouble(),
        };
        var (a, b) = link.Pair();
        a.Peer.KeepsAlive = true;
        var sent = 0;
        for (var step = 0; step < 400; step++)
        {
            var from = random.Next(2) == 0 ? a : b;
            for (var burst = random.Next(6); burst > 0; burst--)
            {
                from.SendPacket(sent++, random.Next(4, 1240));
            }

            if (random.Next(100) == 0)
            {
                from.Restart();
                a.Peer.KeepsAlive = true;
            }

            link.Run(TimeSpan.FromSeconds(random.NextDouble() * 4));
        }

        Assert.Equal(a.Received.Count, a.Received.Distinct().Count());
        Assert.Equal(b.Received.Count, b.Received.Distinct().Count());
        Assert.Empty(a.Received.Intersect(b.Received));
        Assert.True(a.Received.Count + b.Received.Count > sent / 5);
        DropReason[] expected =
        [
            DropReason.UnknownSession, DropReason.OldSession, DropReason.Replay, DropReason.OldTimestamp, DropReason.RateLimited,
        ];
        Assert.Empty(a.Drops.Concat(b.Drops).Except(expected));

        (link.Loss, link.Duplication, link.Spread) = (0, 0, TimeSpan.Zero);
        link.Run(TimeSpan.FromSeconds(30));
        for (var more = 0; more < 10; more++)
        {
            a.SendPacket(sent + (2 * more));
            b.SendPacket(sent + (2 * more) + 1);
            link.Run(TimeSpan.FromSeconds(7));
        }

        Assert.True(a.Peer.IsUp && b.Peer.IsUp);
        Assert.Contains(sent + 19, a.Received);
        Assert.Contains(sent + 18, b.Received);
        Assert.InRange(a.Node.Indices.Count, 1, 4);
        Assert.InRange(b.Node.Indices.Count, 1, 4);
    }
}
