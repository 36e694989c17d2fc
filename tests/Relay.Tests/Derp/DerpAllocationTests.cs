using Relay.Derp.Connections;

namespace Relay.Tests.Derp;

public sealed class DerpAllocationTests
{
    [Fact]
    public async Task RelayingAllocatesNothing()
    {
        using var rig = new DerpRig();
        var (a, b, c) = (await rig.GreetAsync(), await rig.GreetAsync(pause: 0), await rig.GreetAsync(pause: 0));
        var connection = rig.Server.Registry.Find(a.Key)!.Active!;
        var receiver = new DerpReceiver(connection, rig.Server);
        byte[] batch = [.. Enumerable.Range(0, 8).SelectMany(i => DerpTestClient.Packet(i % 3 == 0 ? c.Key : b.Key, new byte[1200]))];
        Relay(1000);

        // The pipes' memory comes from a pool that other tests use too, and that shrinks at collections: the best of ten counts.
        var allocated = long.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Relay(1000);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, allocated);
        Assert.Equal(88_000, rig.Server.Registry.Find(b.Key)!.Active!.Sent.Packets + rig.Server.Registry.Find(c.Key)!.Active!.Sent.Packets);

        void Relay(int batches)
        {
            for (var i = 0; i < batches; i++)
            {
                var touched = default(ReceiverBatch);
                receiver.Receive(batch, ref touched, out _);
                touched.Flush();
                Empty(b);
                Empty(c);
            }
        }

        static void Empty(DerpTestClient client)
        {
            while (client.Input.TryRead(out var result) && !result.Buffer.IsEmpty)
            {
                client.Input.AdvanceTo(result.Buffer.End);
            }
        }
    }
}
