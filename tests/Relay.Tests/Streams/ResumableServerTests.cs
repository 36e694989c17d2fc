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
    public async Task WithoutAServerTheClientIsClosedAfterHalfAMinute()
    {
        var run = Start(new ResumeOptions().Limit);
        await _first.Send.CompleteAsync();
        await SeeAsync("typing is discarded]");
        await SeeAsync("in time");
        await _client.Send.CompleteAsync();
        Assert.Equal(1012, (await _rig.AdvanceUntilAsync(run)).BackendCloseCode);
        Assert.InRange(_tries, 1, 50);
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

    private async Task<StreamReport> Start(TimeSpan? limit = null)
    {
        await using var server = new ResumableServer(
            _first,
            _ =>
            {
                _tries++;
                return Task.FromResult(_answers.TryDequeue(out var answer) ? answer : new AttachResult.Unavailable());
            },
            new ResumeOptions { Limit = limit ?? TimeSpan.FromDays(1) }, // the test's clock runs ahead of the threads
            new StreamMetrics(_rig.Meters),
            _rig.Clock);
        return await _rig.Run(_client, server, StreamFraming.WebSocket, StreamKind.Other);
    }

    private async Task TypeAsync(string json) =>
        await _client.Send.WriteAsync(Frames.Make(Frames.Binary, Encoding.ASCII.GetBytes(json), masked: true), TestContext.Current.CancellationToken);

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
