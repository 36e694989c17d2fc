using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace Tailnet.Tests;

/// <summary>
/// An unexpected exception, other than a failure of the transport, is logged and ends only the session or call that it hit.
/// </summary>
public sealed class FaultTests : IDisposable
{
    private readonly CapturedLog _log = new();

    private ILogger Logger => _log.CreateLogger("test");

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task AnRpcThatThrowsIsLoggedWithItsNameAndTheCallerHearsOfAnInternalError()
    {
        var router = new DrpcRouter().Add("/test.Service/Broken", static (_, _) => throw new NotSupportedException("a fault of the test"));
        await using var pair = new DrpcPair(router, Logger);

        Assert.Equal("internal error", await CallAsync(pair, "/test.Service/Broken"));
        var line = Assert.Single(_log.Lines);
        Assert.StartsWith("Error test: The rpc /test.Service/Broken has failed", line, StringComparison.Ordinal);
        Assert.Contains("a fault of the test", line, StringComparison.Ordinal);
        Assert.Contains(nameof(FaultTests), line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFailureThatIsLoggedElsewhereIsNotLoggedAgain()
    {
        var router = new DrpcRouter().Add("/test.Service/Broken", static (_, _) => throw new TimeoutException());
        await using var pair = new DrpcPair(router, Logger, static error => error is TimeoutException);

        Assert.Equal("internal error", await CallAsync(pair, "/test.Service/Broken"));
        Assert.Empty(_log.Lines);
    }

    [Theory]
    [InlineData(false, YamuxCloseReason.TransportFailed)]
    [InlineData(true, YamuxCloseReason.InternalError)]
    public async Task ASessionTellsAFaultFromAFailedTransport(bool isFault, YamuxCloseReason expected)
    {
        var input = new Pipe();
        await input.Writer.CompleteAsync(isFault ? new NotSupportedException("a fault of the test") : new IOException("reset"));
        using var session = new YamuxSession(new Ends(input.Reader, new Pipe().Writer), YamuxRole.Acceptor, logger: Logger);

        Assert.Equal(expected, await session.RunAsync().Soon());
        Assert.Equal(isFault ? 1 : 0, _log.Lines.Count(static line => line.Contains("a fault of the test", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task ASessionWhoseTimesCannotBeLookedAfterDoesNotStopTheTimesOfTheOthers()
    {
        var clock = new ManualTimeProvider();
        var (broken, whole) = (new BrokenReader(), new PipePair());
        using var first = new YamuxSession(new Ends(broken, new Pipe().Writer), YamuxRole.Acceptor, clock: clock, logger: Logger);
        using var second = new YamuxSession(whole.Near, YamuxRole.Acceptor, clock: clock, logger: Logger);
        var running = first.RunAsync();
        var other = second.RunAsync();

        for (var passed = 0; passed < 60; passed++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(YamuxCloseReason.KeepAliveTimeout, await other.Soon());
        Assert.Contains(_log.Lines, static line => line.Contains("cannot be woken", StringComparison.Ordinal));
        broken.End();
        await running.Soon();
    }

    [Fact]
    public async Task ASessionWhoseTransportCannotBeWokenDoesNotLeaveItsWriterWaiting()
    {
        var clock = new ManualTimeProvider();
        var (broken, sent) = (new BrokenReader(), new Pipe());
        using var session = new YamuxSession(new Ends(broken, sent.Writer), YamuxRole.Acceptor, clock: clock, logger: Logger);
        var running = session.RunAsync();

        // The keep-alive is written, so the writer waits for the next message.
        clock.Advance(TimeSpan.FromSeconds(30));
        var ping = await sent.Reader.ReadAtLeastAsync(12).AsTask().Soon();
        sent.Reader.AdvanceTo(ping.Buffer.End);
        for (var passed = 0; passed < 30; passed++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        broken.End();
        Assert.Equal(YamuxCloseReason.KeepAliveTimeout, await running.Soon());
    }

    private static async Task<string> CallAsync(DrpcPair pair, string path) =>
        (await Assert.ThrowsAsync<DrpcException>(() => pair.Client.UnaryAsync(path, new Agent(), Agent.Parser).Soon())).Message;

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Nothing comes from it, and it cannot be woken.</summary>
    private sealed class BrokenReader : PipeReader
    {
        private readonly TaskCompletionSource<ReadResult> _read = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void End() => _read.TrySetResult(new ReadResult(default, isCanceled: true, isCompleted: false));

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => new(_read.Task);

        public override bool TryRead(out ReadResult result)
        {
            result = default;
            return false;
        }

        public override void CancelPendingRead() => throw new NotSupportedException("cannot be woken");

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
