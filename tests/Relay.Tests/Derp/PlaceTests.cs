using System.IO.Pipelines;
using System.Net;
using Relay.Connections;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

/// <summary>The places of connections, and the state of outboxes, whatever goes wrong in between.</summary>
public class PlaceTests
{
    [Fact]
    public async Task AnAdmissionThatFailsUnforeseenGivesTheConnectionsPlaceBack()
    {
        var failing = true;
        using var rig = new DerpRig(
            static options => options.MaxConnections = 1, (_, _) => failing
                ? throw new FormatException("unforeseen")
                : ValueTask.FromResult(true));
        var first = rig.Connect();
        await first.SendInfoAsync();
        await Assert.ThrowsAsync<FormatException>(() => first.Served.Soon());

        failing = false;
        var second = await rig.GreetAsync();

        Assert.False(second.Served.IsCompleted);
    }

    [Fact]
    public async Task ConnectionsOfOneIPv6NetworkOf64BitsAreOfOneAddress()
    {
        using var rig = new DerpRig(static options => options.MaxConnectionsPerAddress = 1);
        var first = await rig.Connect(address: "[2001:db8::1]:1").GreetAsync();

        Assert.Equal(DerpCloseReason.TooManyConnections, await rig.Connect(address: "[2001:db8::ffff]:2").Served.Soon());
        await rig.Connect(address: "[2001:db8:0:1::1]:3").GreetAsync();
        await first.LeaveAsync();
        await rig.Connect(address: "[2001:db8::ffff]:2").GreetAsync();
    }

    [Fact]
    public async Task AnOutputThatFailsOnceIsWrittenToAgain()
    {
        using var rig = new DerpRig();
        var (up, output) = (new Pipe(), new FailingOutput());
        var client = new DerpTransport(up.Reader, output) { RemoteEndPoint = IPEndPoint.Parse("203.0.113.7:1") };
        var served = rig.Server.RunAsync(client, CancellationToken.None);
        var sent = new DerpTestClient(NodePrivateKey.Generate(), output.Sent.Reader, up.Writer, served);
        await sent.GreetAsync();
        var sender = await rig.GreetAsync();

        // The write of the first sender's batch fails. The next sender must not find the receiver stuck.
        output.FailsNext = true;
        await sender.SendAsync(sent.Key, 1);
        await Eventually.TrueAsync(() => !output.FailsNext, "the output was written to");
        var other = await rig.GreetAsync();
        await other.SendAsync(sent.Key, 2);

        // The first packet may be lost with its batch. Later packets must arrive.
        var frame = await sent.NextAsync();
        while (frame.Type != DerpFrameType.RecvPacket || !frame.Payload.AsSpan().StartsWith(DerpTestClient.Bytes(other.Key)))
        {
            Assert.NotEqual(DerpFrameType.None, frame.Type);
            frame = await sent.NextAsync();
        }
    }

    [Fact]
    public void APlaceThatWasRefusedIsNotCounted()
    {
        var counter = new ConnectionCounter(maxTotal: 1, maxPerAddress: 0);
        Assert.True(counter.TryEnterTotal());
        Assert.False(counter.TryEnterTotal());
        Assert.Equal(1, counter.Total);
    }

    private sealed class FailingOutput : IDerpOutput
    {
        public Pipe Sent { get; } = new();

        public bool FailsNext { get; set; }

        public bool IsWritable => true;

        public void OnWritable(Action callback)
        {
        }

        public int TrySend(ReadOnlySpan<byte> bytes)
        {
            if (FailsNext)
            {
                FailsNext = false;
                throw new IOException("once");
            }

            bytes.CopyTo(Sent.Writer.GetSpan(bytes.Length));
            Sent.Writer.Advance(bytes.Length);
            return bytes.Length;
        }

        public void Flush() => _ = Sent.Writer.FlushAsync().AsTask();

        public void Complete() => Sent.Writer.Complete();
    }
}
