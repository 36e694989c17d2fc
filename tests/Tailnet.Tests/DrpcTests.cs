using System.Buffers;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

public class DrpcTests
{
    [Theory]
    [InlineData("3-bidirectional-coordinate")]
    [InlineData("2-server-stream-derp-map")]
    public void PacketsAreTheSameHoweverTheirBytesAreCut(string name)
    {
        var bytes = Vector.Load(name).Drpc(client: true);
        var whole = Packets.Read(bytes);
        for (var step = 1; step <= bytes.Length; step++)
        {
            var cut = Packets.Read(bytes, step);
            Assert.Equal(whole.Select(Show), cut.Select(Show));
        }
    }

    [Theory]
    [InlineData("050101008080808080808080808001", DrpcReadStatus.NeedMore)] // a whole packet, then a number of ten bytes that fits
    [InlineData("05ffffffffffffffffffff010101", DrpcReadStatus.BadNumber)]
    [InlineData("058080808080808080808002", DrpcReadStatus.BadNumber)]
    [InlineData("050001", DrpcReadStatus.NeedMore)]
    [InlineData("05000100", DrpcReadStatus.BadOrder)] // stream 0
    [InlineData("05010000", DrpcReadStatus.BadOrder)] // message 0
    [InlineData("0501020005010100", DrpcReadStatus.BadOrder)]
    [InlineData("0501020005010200", DrpcReadStatus.BadOrder)] // the number of a packet that is done
    [InlineData("040101000b010100", DrpcReadStatus.KindChanged)]
    [InlineData("0501018180800400", DrpcReadStatus.TooLarge)] // 8 MiB and a byte
    [InlineData("050101ffffffffffffffffff01", DrpcReadStatus.TooLarge)]
    public void HostileFramesHaveTheirOwnAnswers(string hex, DrpcReadStatus expected)
    {
        var assembler = new DrpcAssembler(4 * 1024 * 1024);
        var buffer = new ReadOnlySequence<byte>(Convert.FromHexString(hex));
        DrpcReadStatus status;
        while ((status = assembler.TryRead(ref buffer, out _)) == DrpcReadStatus.Done)
        {
        }

        Assert.Equal(expected, status);
    }

    [Fact]
    public void APacketOfManyFramesIsBoundedAsAWhole()
    {
        var assembler = new DrpcAssembler(100);
        var buffer = new ReadOnlySequence<byte>([4, 1, 1, 60, .. new byte[60], 5, 1, 1, 41]);

        Assert.Equal(DrpcReadStatus.TooLarge, assembler.TryRead(ref buffer, out _));
    }

    [Fact]
    public void ANewPacketDiscardsAnUnfinishedOne()
    {
        var packets = Packets.Read([4, 1, 1, 2, 7, 7, 5, 1, 2, 1, 9]);

        Assert.Equal("Message 2 09", Show(Assert.Single(packets)));
    }

    [Fact]
    public void ReadingFramesAllocatesNothing()
    {
        var bytes = new byte[4 * 200];
        for (ulong i = 0; i < 200; i++)
        {
            new DrpcFrameHeader(DrpcKind.Message, false, false, 1, 1, 0).Write(bytes.AsSpan((int)i * 4));
        }

        var header = new byte[YamuxHeader.Size];
        new YamuxHeader(YamuxType.Data, YamuxFlags.Syn, 1, 1).Write(header);
        var assembler = new DrpcAssembler(1000);
        long allocated = 0;
        for (var round = 0; round < 3; round++)
        {
            // The first rounds may compile; the last is the one that counts.
            var before = GC.GetAllocatedBytesForCurrentThread();
            var buffer = new ReadOnlySequence<byte>(bytes);
            assembler.TryRead(ref buffer, out _);
            for (var i = 0; i < 1000; i++)
            {
                YamuxHeader.TryRead(header, out _);
                DrpcFrameHeader.TryRead(bytes, out _, out _);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public async Task MetadataTravelsWithTheRpc()
    {
        await using var pair = new DrpcPair(new DrpcRouter().Add("/m", static async (call, cancellationToken) =>
            await call.SendAsync(new Agent { Name = call.Metadata["who"] + call.Metadata["what"] }, cancellationToken)));
        var metadata = new Dictionary<string, string> { ["who"] = "ä", ["what"] = new('x', 300) };

        var answer = await pair.Client.UnaryAsync("/m", new Agent(), Agent.Parser, metadata).Soon();

        Assert.Equal("ä" + new string('x', 300), answer.Name);
    }

    [Fact]
    public async Task AnErrorKeepsItsCodeAndTextAndAFaultTellsNothing()
    {
        await using var pair = new DrpcPair(new DrpcRouter()
            .Add("/known", static (_, _) => throw new DrpcException(ulong.MaxValue - 1, "why"))
            .Add("/fault", static (_, _) => throw new InvalidOperationException("a secret")));

        var known = await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync("/known", new Agent(), Agent.Parser).Soon());
        Assert.Equal((ulong.MaxValue - 1, "why"), (known.Code, known.Message));
        var fault = await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync("/fault", new Agent(), Agent.Parser).Soon());
        Assert.Equal((0ul, "internal error"), (fault.Code, fault.Message));
    }

    [Fact]
    public async Task MessagesGoBothWaysUntilTheCallerHasNoMore()
    {
        await using var pair = new DrpcPair(new DrpcRouter().Add("/echo", static async (call, cancellationToken) =>
        {
            while (await call.ReceiveAsync(Agent.Parser, cancellationToken) is { } message)
            {
                await call.SendAsync(message, cancellationToken);
            }
        }));
        await using var call = await pair.Client.StartAsync("/echo", Agent.Parser);
        foreach (var size in new[] { 0, 1, 65_530, 65_536, 300_000, 4_000_000 })
        {
            var sending = call.SendAsync(new Agent { Name = new string('n', size) });
            Assert.Equal(size, (await call.ReceiveAsync().Soon())!.Name.Length);
            await sending.Soon();
        }

        await call.CloseSendAsync();
        Assert.Null(await call.ReceiveAsync().Soon());
    }

    [Fact]
    public async Task AHandlerHearsThatItsCallerIsGone()
    {
        var gone = new TaskCompletionSource();
        await using var pair = new DrpcPair(new DrpcRouter().Add("/wait", async (call, cancellationToken) =>
        {
            await call.SendAsync(new Agent(), cancellationToken);
            await using var registration = cancellationToken.Register(gone.SetResult);
            await gone.Task;
        }));
        var call = await pair.Client.StartAsync("/wait", Agent.Parser);
        Assert.NotNull(await call.ReceiveAsync().Soon());
        await call.DisposeAsync();

        await gone.Task.Soon();
    }

    [Theory]
    [InlineData("0301012f", DrpcEnd.StreamFailed)] // the stream ends inside a packet
    [InlineData("030101022f6d0301020178", DrpcEnd.Unexpected)] // a second invoke of one rpc
    [InlineData("1f010100", DrpcEnd.UnknownKind)]
    [InlineData("9f010100", DrpcEnd.Finished)] // unknown, and may be ignored
    [InlineData("0501020005010100", DrpcEnd.BadOrder)]
    [InlineData("0501018180800400", DrpcEnd.TooLarge)]
    public async Task AServerEndsAConnectionThatBreaksTheProtocol(string hex, DrpcEnd expected)
    {
        var pair = new PipePair();
        var serving = new DrpcServer(new DrpcRouter().Add("/m", static (_, token) => Task.Delay(Timeout.Infinite, token)))
            .ServeAsync(pair.Near);
        await pair.Far.Output.WriteAsync(Convert.FromHexString(hex));
        await pair.Far.Output.CompleteAsync();

        Assert.Equal(expected, await serving.Soon());
    }

    [Fact]
    public async Task OneStreamServesSeveralRpcsInTurn()
    {
        var pair = new PipePair();
        var serving = new DrpcServer(new DrpcRouter()).ServeAsync(pair.Near);
        await pair.Far.Output.WriteAsync(Convert.FromHexString("030101022f610d010200030201022f62"));
        await pair.Far.Output.CompleteAsync();

        var answers = Packets.Read(await pair.Far.Input.TakeAllAsync());
        Assert.Equal(DrpcEnd.Finished, await serving.Soon());
        Assert.Equal(2, answers.Count);
        Assert.All(answers, static answer => Assert.Equal(DrpcKind.Error, answer.Kind));
    }

    [Fact]
    public async Task BytesAtRandomNeverThrowOutOfASessionOrAServer()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            var bytes = new byte[random.Next(1, 400)];
            random.NextBytes(bytes);
            if (round % 2 == 0)
            {
                bytes.AsSpan(0, Math.Min(3, bytes.Length)).Clear();
            }

            var pair = new PipePair();
            var serving = new DrpcServer(new DrpcRouter()).ServeAsync(pair.Near);
            await pair.Far.Output.WriteAsync(bytes);
            await pair.Far.Output.CompleteAsync();
            await serving.Soon();

            await using var raw = new RawYamux();
            await raw.SendBytesAsync(bytes);
            await raw.EndAsync();
            Assert.NotEqual(YamuxCloseReason.None, await raw.Running.Soon());
        }
    }

    private static string Show((DrpcKind Kind, ulong Message, byte[] Data) packet) =>
        $"{packet.Kind} {packet.Message} {Convert.ToHexStringLower(packet.Data)}";
}
