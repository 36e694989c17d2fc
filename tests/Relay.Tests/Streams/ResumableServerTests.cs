using System.Buffers;
using System.Text;
using Relay.Streams;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

/// <summary>A terminal's stream while API servers come and go, over pipes and a clock that stands still.</summary>
public sealed class ResumableServerTests : IAsyncDisposable
{
    private readonly StreamRig _rig = new();
    private readonly PipeTransport _client = new();
    private readonly PipeTransport _first = new();
    private readonly Queue<AttachResult> _answers = new();
    private readonly StringBuilder _seen = new();
    private int _tries;

    public async ValueTask DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task AnotherServerTakesOverWithTheLastSizeFirst()
    {
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Unavailable());
        _answers.Enqueue(new AttachResult.Attached(second));
        var run = Start();
        await TypeAsync("{\"height\":30,\"width\":90}");
        await ReadAsync(_first, "90}");
        await _first.Send.WriteAsync(Frames.CloseWith(1001, masked: false), TestContext.Current.CancellationToken);
        await SeeAsync("typing is discarded]");
        await SeeAsync("[connection resumed]");
        await TypeAsync("{\"data\":\"kept\"}");
        Assert.Equal("{\"height\":30,\"width\":90}{\"data\":\"kept\"}", await ReadAsync(second, "kept\"}"));
        await second.Send.WriteAsync(Frames.Make(Frames.Binary, "out"u8.ToArray(), masked: false), TestContext.Current.CancellationToken);
        await SeeAsync("out");
        Assert.Equal(2, _tries);
        await second.Send.WriteAsync(Frames.CloseWith(1000, masked: false), TestContext.Current.CancellationToken);
        await second.Send.CompleteAsync();
        await _client.Send.WriteAsync(Frames.CloseWith(1000, masked: true), TestContext.Current.CancellationToken);
        await _client.Send.CompleteAsync();
        var report = await _rig.AdvanceUntilAsync(run);
        Assert.Equal(1000, report.BackendCloseCode);
    }

    [Fact]
    public async Task ARefusalClosesTheClientWith1012()
    {
        _answers.Enqueue(new AttachResult.Refused());
        var run = Start();
        await _first.Send.CompleteAsync();
        await SeeAsync("refused the terminal");
        await _client.Send.CompleteAsync();
        Assert.Equal(1012, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
        Assert.Equal(1, _tries);
    }

    [Fact]
    public async Task AShellThatNoServerHasIsSaidToBeGone()
    {
        _answers.Enqueue(new AttachResult.Gone(IsCertain: false));
        _answers.Enqueue(new AttachResult.Gone(IsCertain: true));
        var run = Start();
        await _first.Send.CompleteAsync();
        await SeeAsync("[the shell is gone: no API server that is up has it]");
        await SeeAsync("no API server that is up has the terminal's shell: connect again for a new one");
        await _client.Send.CompleteAsync();
        Assert.Equal(1012, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
        Assert.Equal(2, _tries);
        Assert.DoesNotContain("resumed", _seen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AShellThatAnotherServerDoesNotHaveIsWaitedForUntilItsOwnIsBack()
    {
        _answers.Enqueue(new AttachResult.Gone(IsCertain: false));
        _answers.Enqueue(new AttachResult.Gone(IsCertain: false));
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Attached(second));
        var run = Start();
        await _first.Send.CompleteAsync();
        await SeeAsync("[connection resumed]");
        await second.Send.WriteAsync(Frames.CloseWith(1000, masked: false), TestContext.Current.CancellationToken);
        await second.Send.CompleteAsync();
        await _client.Send.WriteAsync(Frames.CloseWith(1000, masked: true), TestContext.Current.CancellationToken);
        await _client.Send.CompleteAsync();
        await _rig.AdvanceUntilAsync(run);
        Assert.DoesNotContain("gone", _seen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AShellWhoseServerStaysAwayIsGoneAfterHalfAMinute()
    {
        for (var i = 0; i < 100; i++)
        {
            _answers.Enqueue(new AttachResult.Gone(IsCertain: false));
        }

        var run = Start(new ResumeOptions().Limit);
        await _first.Send.CompleteAsync();
        await WaitOutAsync(new ResumeOptions().Limit, TimeSpan.FromMilliseconds(250));
        await SeeAsync("connect again for a new one");
        await _client.Send.CompleteAsync();
        Assert.Equal(1012, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
        Assert.InRange(_tries, 10, 100);
    }

    [Fact]
    public async Task WithoutAServerTheClientIsClosedAfterHalfAMinute()
    {
        var run = Start(new ResumeOptions().Limit);
        await _first.Send.CompleteAsync();
        await WaitOutAsync(new ResumeOptions().Limit, TimeSpan.FromMilliseconds(250));
        await SeeAsync("typing is discarded]");
        await SeeAsync("in time");
        await _client.Send.CompleteAsync();
        Assert.Equal(1012, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
        Assert.InRange(_tries, 10, 100);
    }

    [Fact]
    public async Task AClientThatClosesWhilePausedIsAnswered()
    {
        var run = Start();
        await _first.Send.CompleteAsync();
        await SeeAsync("typing is discarded]");
        await _client.Send.WriteAsync(Frames.CloseWith(1000, masked: true), TestContext.Current.CancellationToken);
        await _client.Send.CompleteAsync();
        Assert.Equal(1000, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
    }

    [Fact]
    public async Task ItsReplayComesOnAScreenThatWasReset()
    {
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Attached(second));
        await second.Send.WriteAsync(
            Frames.Make(Frames.Binary, "replay"u8.ToArray(), masked: false), TestContext.Current.CancellationToken);
        _ = Start();
        await _first.Send.WriteAsync(
            Frames.Make(Frames.Binary, "before"u8.ToArray(), masked: false), TestContext.Current.CancellationToken);
        await SeeAsync("before");
        await _first.Send.CompleteAsync();
        await SeeAsync("replay");
        Assert.Matches("(?s)before.*paused, typing is discarded].*\\x18\\x1bc\\[connection resumed].*replay", _seen.ToString());
    }

    [Fact]
    public async Task PingsAreAnsweredWhilePausedAndOnlyThen()
    {
        _ = Start();
        await PingAsync("one");
        Assert.Contains("one", await ReadRawAsync(_first, "one"), StringComparison.Ordinal);
        await _first.Send.CompleteAsync();
        await SeeAsync("typing is discarded]");
        await PingAsync("two");
        await SeeAsync("\u008a\u0003two");
        await PingAsync("");
        await SeeAsync("\u008a\0");
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Attached(second));
        await SeeAsync("[connection resumed]");
        await PingAsync("six");
        Assert.DoesNotContain("two", await ReadRawAsync(second, "six"), StringComparison.Ordinal);
        Assert.DoesNotContain("one", _seen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AServerThatVanishedIsLeftForAnotherOne()
    {
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Attached(second));
        var run = Start();
        _first.Vanished = true;
        await SeeAsync("[connection resumed]");
        await TypeAsync("{\"data\":\"kept\"}");
        await ReadAsync(second, "kept");
        Assert.False(run.IsCompleted);
    }

    [Fact]
    public async Task AServerThatIsBackIsAskedWithinASecond()
    {
        var tries = new List<DateTimeOffset>();
        _ = Start(onTry: () => tries.Add(_rig.Clock.GetUtcNow()));
        await _first.Send.CompleteAsync();
        var start = _rig.Clock.GetUtcNow();
        await WaitOutAsync(TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(50));
        Assert.InRange(tries.Count, 20, 40);
        Assert.InRange(tries[0] - start, TimeSpan.FromMilliseconds(75), TimeSpan.FromMilliseconds(175));
        Assert.All(
            tries.Zip(tries.Skip(1)),
            static pair => Assert.InRange(pair.Second - pair.First, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task OfTensOfThousandsOfSizesTheNextServerGetsTheLast()
    {
        var second = new PipeTransport();
        _ = Start();

        // The clock stands still meanwhile: were it to run ahead of the threads, one of the ends would count as too slow.
        string[] sizes = [.. Enumerable.Range(1, 10_001).Select(static i => $"{{\"height\":50,\"width\":{i}}}")];
        var read = SkipAsync(_first, sizes.Sum(static size => Typed(size).Length));
        foreach (var size in sizes)
        {
            await TypeAsync(size);
        }

        await read;
        await _first.Send.CompleteAsync();
        await SeeAsync("typing is discarded]");
        for (var i = 1; i <= 10_002; i++)
        {
            await TypeAsync($"{{\"height\":60,\"width\":{i}}}");
        }

        await PingAsync("all read");
        await SeeAsync("all read");
        _answers.Enqueue(new AttachResult.Attached(second));
        await SeeAsync("[connection resumed]");
        await TypeAsync("{\"data\":\"kept\"}");
        Assert.Equal("{\"height\":60,\"width\":10002}{\"data\":\"kept\"}", await ReadAsync(second, "kept\"}"));
    }

    [Fact]
    public async Task AnEndlessObjectIsHeldNowhere()
    {
        const int Total = 8 << 20;
        var (sent, got) = (0L, 0L);
        _ = Start();
        await TypeAsync("{\"data\":\"");
        var bulkTransfer = SendBulkTransferAsync();
        while (got < Total)
        {
            var result = await _first.Receive.ReadAsync(TestContext.Current.CancellationToken).Soon();
            var part = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, 4096));
            got += part.Length;
            _first.Receive.AdvanceTo(part.End);
            Assert.InRange(Volatile.Read(ref sent) - got, long.MinValue, 512 << 10);
        }

        await bulkTransfer.Soon();

        // Without a server the rest of the object is discarded.
        await _first.Send.CompleteAsync();
        await SeeAsync("typing is discarded]");
        sent = 0;
        await SendBulkTransferAsync().Soon();
        var second = new PipeTransport();
        _answers.Enqueue(new AttachResult.Attached(second));
        await SeeAsync("[connection resumed]");
        await TypeAsync("xxx\"}{\"data\":\"kept\"}");
        Assert.Equal("{\"data\":\"kept\"}", await ReadAsync(second, "kept\"}"));

        async Task SendBulkTransferAsync()
        {
            var piece = Frames.Make(Frames.Binary, Enumerable.Repeat((byte)'x', 16 << 10).ToArray(), masked: true);
            while (Volatile.Read(ref sent) < Total)
            {
                Interlocked.Add(ref sent, piece.Length);
                await _client.Send.WriteAsync(piece, TestContext.Current.CancellationToken);
            }
        }
    }

    private async Task<StreamReport> Start(TimeSpan? limit = null, Action? onTry = null)
    {
        await using var server = new ResumableServer(
            _first,
            _ =>
            {
                _tries++;
                onTry?.Invoke();
                return Task.FromResult(_answers.TryDequeue(out var answer) ? answer : new AttachResult.Unavailable());
            },
            new ResumeOptions { Limit = limit ?? TimeSpan.FromDays(1) }, // the test's clock runs ahead of the threads
            new StreamMetrics(_rig.Meters),
            _rig.Clock);
        return await _rig.Run(_client, server, StreamFraming.WebSocket, StreamKind.Other);
    }

    /// <summary>Lets this much of an outage go by, and each try happen at its time: the clock moves when the next try is awaited.</summary>
    private async Task WaitOutAsync(TimeSpan time, TimeSpan step)
    {
        for (var end = _rig.Clock.GetUtcNow() + time; _rig.Clock.GetUtcNow() < end;)
        {
            // The relay's heartbeat, the end of the outage, and the pause before the next try.
            await Eventually.TrueAsync(() => _rig.Clock.PendingTimers == 3, "the next try is awaited");
            _rig.Clock.Advance(step);
        }
    }

    private static byte[] Typed(string json) => Frames.Make(Frames.Binary, Encoding.ASCII.GetBytes(json), masked: true);

    private async Task TypeAsync(string json) => await _client.Send.WriteAsync(Typed(json), TestContext.Current.CancellationToken).Soon();

    private static async Task SkipAsync(PipeTransport from, long count)
    {
        while (count > 0)
        {
            var result = await from.Receive.ReadAsync(TestContext.Current.CancellationToken).Soon();
            count -= result.Buffer.Length;
            from.Receive.AdvanceTo(result.Buffer.End);
        }
    }

    private async Task PingAsync(string text) =>
        await _client.Send.WriteAsync(
            Frames.Make(Frames.Ping, Encoding.ASCII.GetBytes(text), masked: true), TestContext.Current.CancellationToken);

    /// <summary>Lets time go by until the client has seen this, in messages or in a close's reason.</summary>
    private Task SeeAsync(string text) => ReadToAsync(_client, text, _seen);

    private static string Text(in ReadOnlySequence<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private async Task ReadToAsync(PipeTransport from, string text, StringBuilder seen)
    {
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            var result = await _rig.AdvanceUntilAsync(from.Receive.ReadAsync(TestContext.Current.CancellationToken).AsTask());
            seen.Append(Text(result.Buffer));
            from.Receive.AdvanceTo(result.Buffer.End);
            Assert.False(result.IsCompleted && !seen.ToString().Contains(text, StringComparison.Ordinal), seen.ToString());
        }
    }

    /// <summary>The frames that a server has got, as they are but without their masks, once this is in them.</summary>
    private async Task<string> ReadRawAsync(PipeTransport from, string text)
    {
        var seen = new StringBuilder();
        byte[] key = [0x11, 0x22, 0x33, 0x44];
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            var result = await _rig.AdvanceUntilAsync(from.Receive.ReadAsync(TestContext.Current.CancellationToken).AsTask());
            var bytes = result.Buffer.ToArray();
            from.Receive.AdvanceTo(result.Buffer.End);
            seen.Append(Encoding.Latin1.GetString([.. bytes.Skip(6).Select((value, at) => (byte)(value ^ key[at & 3]))]));
        }

        return seen.ToString();
    }

    /// <summary>What a server has got, once this is in it.</summary>
    private async Task<string> ReadAsync(PipeTransport from, string text)
    {
        var bytes = new List<byte>();
        while (true)
        {
            var result = await _rig.AdvanceUntilAsync(from.Receive.ReadAsync(TestContext.Current.CancellationToken).AsTask());
            bytes.AddRange(result.Buffer.ToArray());
            from.Receive.AdvanceTo(result.Buffer.End);
            var got = string.Concat(TerminalFramesTests.Messages(bytes.ToArray()).Select(Encoding.ASCII.GetString));
            if (got.Contains(text, StringComparison.Ordinal))
            {
                return got;
            }
        }
    }
}
