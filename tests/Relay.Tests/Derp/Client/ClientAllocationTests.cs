using System.Buffers;
using System.IO.Pipelines;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

public sealed class ClientAllocationTests
{
    [Fact]
    public void PacketsAllocateNothing()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        var outbox = new DerpClientOutbox(new DerpPipeOutput(pipe.Writer));
        var handler = new Echo(outbox);
        var receiver = new DerpClientReceiver(
            new DerpLogin(TestRelay.ClientKey, new ClientInfo(2, null, true, false)), null, outbox, handler);
        byte[] login = [.. DerpHandshake.ServerKey(TestRelay.Key.PublicKey), .. TestRelay.ServerInfo()];
        byte[] batch = [.. Enumerable.Range(0, 8).SelectMany(static _ => TestRelay.RecvPacket(Vectors.B.PublicKey, new byte[1200]))];
        var first = new ReadOnlySequence<byte>(login);
        Assert.Null(receiver.Receive(ref first));

        // One frame begins in one segment and ends in the next.
        var split = Segments.Of(batch[..2000], batch[2000..]);
        Run(1000);

        // Other tests use the pool of the pipe's memory too, and garbage collections shrink it. So the best of ten rounds counts.
        var allocated = long.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Run(1000);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, allocated);
        Assert.Equal(88_000, handler.Accepted);

        void Run(int batches)
        {
            for (var i = 0; i < batches; i++)
            {
                var buffer = split;
                receiver.Receive(ref buffer);
                outbox.Flush();
                while (pipe.Reader.TryRead(out var result) && !result.Buffer.IsEmpty)
                {
                    pipe.Reader.AdvanceTo(result.Buffer.End);
                }
            }
        }
    }

    private sealed class Echo(DerpClientOutbox outbox) : IDerpClientHandler
    {
        public int Accepted { get; private set; }

        public void OnConnected()
        {
        }

        public void OnPacket(in NodeKey source, ReadOnlySpan<byte> packet) => Accepted += outbox.TrySend(source, packet) ? 1 : 0;

        public void OnBatchEnd() => outbox.Flush();

        public void OnPeerGone(in NodeKey key, PeerGoneReason reason)
        {
        }

        public void OnHealth(string text)
        {
        }

        public void OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor)
        {
        }
    }
}
