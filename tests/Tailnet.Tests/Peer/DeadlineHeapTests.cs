using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace Tailnet.Tests.Peer;

public class DeadlineHeapTests
{
    [Fact]
    public void TheFirstAgentHasTheEarliestDeadlineAfterEveryChange()
    {
        using var relay = new TestRelay();
        var random = new Random(18);
        var heap = new DeadlineHeap();
        TailnetPeer[] peers = [.. Enumerable.Range(0, 40).Select(_ => new TailnetPeer(relay.Stack, Guid.NewGuid()))];
        var expected = new Dictionary<TailnetPeer, long>();
        for (var i = 0; i < 20_000; i++)
        {
            var peer = peers[random.Next(peers.Length)];
            if (random.Next(3) == 0)
            {
                heap.Remove(peer);
                expected.Remove(peer);
            }
            else
            {
                // Few values, so that many agents have the same deadline.
                var deadline = random.Next(30);
                heap.Set(peer, deadline);
                expected[peer] = deadline;
            }

            Assert.Equal(expected.Count == 0 ? TcpTimes.Never : expected.Values.Min(), heap.Next);
            Assert.True(expected.Count == 0 || expected[heap.First] == heap.Next);
        }
    }
}
