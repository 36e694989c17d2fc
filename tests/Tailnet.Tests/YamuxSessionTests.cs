using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

public class YamuxSessionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BytesGoBothWaysAndEachHalfEndsByItself(bool inline)
    {
        var pair = new PipePair();
        using var dialer = new YamuxSession(pair.Near, YamuxRole.Dialer, new YamuxOptions { RunsInline = inline });
        using var acceptor = new YamuxSession(pair.Far, YamuxRole.Acceptor, new YamuxOptions { RunsInline = inline });
        var running = Task.WhenAll(dialer.RunAsync(), acceptor.RunAsync());

        var opened = await dialer.OpenStreamAsync();
        await opened.Output.WriteAsync("question"u8.ToArray()).Soon();
        await opened.Output.CompleteAsync();
        var accepted = (await acceptor.AcceptStreamAsync().Soon())!;
        Assert.Equal("question"u8.ToArray(), await accepted.Input.TakeAllAsync());
        await accepted.Output.WriteAsync("answer"u8.ToArray()).Soon();
        await accepted.Output.CompleteAsync();
        Assert.Equal("answer"u8.ToArray(), await opened.Input.TakeAllAsync());
        await Eventually(() => dialer.StreamCount == 0 && acceptor.StreamCount == 0);

        dialer.Close();
        var reasons = await running.Soon();
        Assert.Equal([YamuxCloseReason.LocalClose, YamuxCloseReason.PeerClose], reasons);
        Assert.Null(await acceptor.AcceptStreamAsync().Soon());
        await Assert.ThrowsAsync<YamuxException>(() => dialer.OpenStreamAsync().Soon());
    }

    [Fact]
    public async Task AStreamThatTakesNoBytesEndsTheSessionAndThrowsNothing()
    {
        var input = new Pipe();
        using var output = new NotWritable();
        using var session = new YamuxSession(new Ends(input.Reader, PipeWriter.Create(output)), YamuxRole.Acceptor);
        var running = session.RunAsync();

        // A ping (§3.3), which asks for an answer.
        await input.Writer.WriteAsync(new byte[] { 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9 });
        await output.Tried.Soon();
        await input.Writer.CompleteAsync();
        Assert.NotEqual(YamuxCloseReason.None, await running.Soon());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ManyWindowsOfBytesArriveWholeOnManyStreams(bool inline)
    {
        var pair = new PipePair();
        using var dialer = new YamuxSession(pair.Near, YamuxRole.Dialer, new YamuxOptions { RunsInline = inline });
        using var acceptor = new YamuxSession(pair.Far, YamuxRole.Acceptor, new YamuxOptions { RunsInline = inline });
        var running = Task.WhenAll(dialer.RunAsync(), acceptor.RunAsync());
        var sent = RandomNumberGenerator.GetBytes(1_500_000);

        var writers = Enumerable.Range(0, 4).Select(async _ =>
        {
            var stream = await dialer.OpenStreamAsync();
            await stream.Output.WriteAsync(sent);
            await stream.Output.CompleteAsync();
            return await stream.Input.TakeAllAsync();
        }).ToArray();
        for (var i = 0; i < writers.Length; i++)
        {
            var stream = (await acceptor.AcceptStreamAsync().Soon())!;
            var received = await stream.Input.TakeAllAsync();
            await stream.Output.WriteAsync(SHA256.HashData(received));
            await stream.DisposeAsync();
        }

        foreach (var answer in await Task.WhenAll(writers).Soon())
        {
            Assert.Equal(SHA256.HashData(sent), answer);
        }

        Assert.Equal(0, acceptor.UnreadBytes);
        acceptor.Close();
        await running.Soon();
    }

    [Fact]
    public async Task AWriterIsHeldBackAtTheWindowAndPingsAreAnsweredMeanwhile()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        Assert.Equal(YamuxFlags.Ack, (await raw.ReadAsync()).Flags);

        var writing = stream.Output.WriteAsync(new byte[1_000_000]).AsTask();
        uint received = 0;
        while (received < YamuxOptions.InitialWindow)
        {
            var header = await raw.ReadAsync();
            Assert.Equal(YamuxType.Data, header.Type);
            await raw.ReadBodyAsync(header.Length);
            received += header.Length;
        }

        Assert.Equal((uint)YamuxOptions.InitialWindow, received);
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 77);
        Assert.Equal(new YamuxHeader(YamuxType.Ping, YamuxFlags.Ack, 0, 77), await raw.ReadAsync());
        Assert.False(writing.IsCompleted);

        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.None, 1, 1_000_000 - received);
        while (received < 1_000_000)
        {
            var header = await raw.ReadAsync();
            await raw.ReadBodyAsync(header.Length);
            received += header.Length;
        }

        await writing.Soon();
    }

    [Fact]
    public async Task RoomIsGivenBackOnceHalfTheWindowIsRead()
    {
        await using var raw = new RawYamux(buffer: 1024 * 1024);
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.ReadAsync();
        await raw.SendAsync(YamuxType.Data, YamuxFlags.None, 1, YamuxOptions.InitialWindow, new byte[YamuxOptions.InitialWindow]);

        await stream.Input.TakeAsync((YamuxOptions.InitialWindow / 2) - 1);
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 1);
        Assert.Equal(YamuxType.Ping, (await raw.ReadAsync()).Type);
        await stream.Input.TakeAsync(1);

        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.None, 1, YamuxOptions.InitialWindow / 2), await raw.ReadAsync());
    }

    [Theory]
    [InlineData("010000000000000000000000", YamuxCloseReason.ProtocolError)] // version 1
    [InlineData("000900000000000000000000", YamuxCloseReason.ProtocolError)] // type 9
    [InlineData("000100100000000100000000", YamuxCloseReason.ProtocolError)] // flag 16
    [InlineData("000100010000000200000000", YamuxCloseReason.ProtocolError)] // a stream with this side's parity
    [InlineData("000100010000000000000000", YamuxCloseReason.ProtocolError)] // a stream without a number
    [InlineData("000100010000000100000000000100010000000100000000", YamuxCloseReason.ProtocolError)] // the same stream twice
    [InlineData("0001000100000001ffffffff", YamuxCloseReason.ProtocolError)] // more room than the protocol knows
    [InlineData("000000010000000100040001", YamuxCloseReason.WindowOverrun)] // a byte over the window
    [InlineData("00010005000000010000000000000000000000010000000141", YamuxCloseReason.ProtocolError)] // data after the end
    public async Task APeerThatBreaksTheProtocolHearsGoAwayOne(string hex, YamuxCloseReason expected)
    {
        await using var raw = new RawYamux();
        await raw.SendBytesAsync(Convert.FromHexString(hex));

        Assert.Equal(expected, await raw.Running.Soon());
        Assert.Equal("000300000000000000000001", Convert.ToHexStringLower((await raw.ReadRestAsync())[^12..]));
    }

    [Theory]
    [InlineData("000300000000000000000001", YamuxCloseReason.PeerProtocolError)]
    [InlineData("000300000000000000000002", YamuxCloseReason.PeerInternalError)]
    [InlineData("000300000000000000000009", YamuxCloseReason.PeerProtocolError)]
    public async Task APeersGoAwayWithAnErrorEndsTheSession(string hex, YamuxCloseReason expected)
    {
        await using var raw = new RawYamux();
        await raw.SendBytesAsync(Convert.FromHexString(hex));

        Assert.Equal(expected, await raw.Running.Soon());
    }

    [Fact]
    public async Task AfterAPeersNormalGoAwayOpenStreamsGoOnAndNoneIsOpened()
    {
        await using var raw = new RawYamux(role: YamuxRole.Dialer);
        var stream = await raw.Session.OpenStreamAsync();
        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Syn, 1, 0), await raw.ReadAsync());
        await raw.SendAsync(YamuxType.GoAway, YamuxFlags.None, 0, 0);
        await raw.SendAsync(YamuxType.Data, YamuxFlags.Ack, 1, 2, "hi"u8.ToArray());

        Assert.Equal("hi"u8.ToArray(), await stream.Input.TakeAsync(2));
        await Assert.ThrowsAsync<YamuxException>(() => raw.Session.OpenStreamAsync().Soon());
    }

    [Fact]
    public async Task AfterThisSidesGoAwayNewStreamsAreReset()
    {
        await using var raw = new RawYamux();
        raw.Session.GoAway();
        Assert.Equal(new YamuxHeader(YamuxType.GoAway, YamuxFlags.None, 0, 0), await raw.ReadAsync());
        await raw.OpenAsync(1);

        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Rst, 1, 0), await raw.ReadAsync());
    }

    [Fact]
    public async Task StreamsBeyondTheBacklogAreResetAndTheirBytesDrained()
    {
        await using var raw = new RawYamux(new YamuxOptions { Backlog = 2 });
        await raw.OpenAsync(1);
        await raw.OpenAsync(3);
        await raw.SendAsync(YamuxType.Data, YamuxFlags.Syn, 5, 3, [1, 2, 3]);
        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Rst, 5, 0), await raw.ReadAsync());

        Assert.Equal(1u, (await raw.Session.AcceptStreamAsync().Soon())!.Id);
        Assert.Equal(3u, (await raw.Session.AcceptStreamAsync().Soon())!.Id);
        Assert.Equal(2, raw.Session.StreamCount);
    }

    [Fact]
    public async Task FramesOfUnknownStreamsAreDrained()
    {
        await using var raw = new RawYamux();
        await raw.SendAsync(YamuxType.Data, YamuxFlags.None, 9, 5, new byte[5]);
        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.Fin, 9, 0);
        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.Rst, 11, 0);
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 5);

        Assert.Equal(new YamuxHeader(YamuxType.Ping, YamuxFlags.Ack, 0, 5), await raw.ReadAsync());
    }

    [Fact]
    public async Task APeerThatResetsAStreamEndsItForReaderAndWriter()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.Rst, 1, 0);

        var thrown = await Assert.ThrowsAsync<YamuxException>(() => stream.Input.ReadAsync().Soon());
        Assert.Equal(YamuxCloseReason.None, thrown.Reason);
        Assert.True((await stream.Output.WriteAsync(new byte[1]).Soon()).IsCompleted);
        Assert.Equal(0, raw.Session.StreamCount);
    }

    [Fact]
    public async Task AnOutputCompletedWithAnErrorResetsTheStream()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.ReadAsync();
        await stream.Output.CompleteAsync(new InvalidOperationException());

        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Rst, 1, 0), await raw.ReadAsync());
        await Eventually(() => raw.Session.StreamCount == 0);
    }

    [Fact]
    public async Task APeerThatIsAskedToReadMoreAnswersThanItReadsIsCutOff()
    {
        await using var raw = new RawYamux(new YamuxOptions { MaxPendingControl = 16 }, buffer: 64);
        for (uint i = 0; i < 200; i++)
        {
            await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, i);
        }

        await Eventually(() => raw.Session.CloseReason == YamuxCloseReason.ControlFlood);
        raw.Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(YamuxCloseReason.ControlFlood, await raw.Running.Soon());
    }

    [Fact]
    public async Task UnreadBytesOfAllStreamsTogetherAreBounded()
    {
        await using var raw = new RawYamux(new YamuxOptions { MaxUnreadBytes = 300_000 });
        for (uint id = 1; id <= 3; id += 2)
        {
            await raw.SendAsync(YamuxType.Data, YamuxFlags.Syn, id, 200_000, new byte[200_000]);
        }

        Assert.Equal(YamuxCloseReason.ReceiveLimit, await raw.Running.Soon());
        Assert.Equal("000300000000000000000002", Convert.ToHexStringLower((await raw.ReadRestAsync())[^12..]));
    }

    [Fact]
    public async Task AStreamThatEndsInsideAFrameIsAFailure()
    {
        await using var raw = new RawYamux();
        await raw.SendBytesAsync(new byte[5]);
        await raw.EndAsync();

        Assert.Equal(YamuxCloseReason.TransportFailed, await raw.Running.Soon());
    }

    [Fact]
    public async Task WhatWasWrittenBeforeTheCloseIsSent()
    {
        await using var raw = new RawYamux();
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await stream.Output.WriteAsync("last words"u8.ToArray()).Soon();
        raw.Session.Close();

        Assert.Equal(YamuxCloseReason.LocalClose, await raw.Running.Soon());
        Assert.EndsWith("last words", System.Text.Encoding.Latin1.GetString(await raw.ReadRestAsync()), StringComparison.Ordinal);
    }

    private static async Task Eventually(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>The result of a stream whose other end has disappeared.</summary>
    private sealed class NotWritable : MemoryStream
    {
        private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Tried => _tried.Task;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _tried.TrySetResult();
            throw new NotSupportedException("The base stream is not writeable.");
        }
    }
}
