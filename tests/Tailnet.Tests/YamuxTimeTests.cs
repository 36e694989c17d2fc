using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

public class YamuxTimeTests
{
    [Theory]
    [InlineData(YamuxRole.Acceptor)]
    [InlineData(YamuxRole.Dialer)]
    public async Task APeerThatAnswersKeepsTheSessionAndOneThatDoesNotLosesIt(YamuxRole role)
    {
        await using var raw = new RawYamux(role: role);
        for (var i = 0; i < 3; i++)
        {
            raw.Clock.Advance(TimeSpan.FromSeconds(30));
            var ping = await raw.ReadAsync();
            Assert.Equal((YamuxType.Ping, YamuxFlags.Syn), (ping.Type, ping.Flags));
            await raw.SendAsync(YamuxType.Ping, YamuxFlags.Ack, 0, ping.Length);

            // The answer is in when a ping sent after it is answered.
            await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 1);
            Assert.Equal(YamuxFlags.Ack, (await raw.ReadAsync()).Flags);
        }

        raw.Clock.Advance(TimeSpan.FromSeconds(30));
        raw.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(YamuxCloseReason.None, raw.Session.CloseReason);
        raw.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(YamuxCloseReason.KeepAliveTimeout, await raw.Running.Soon());
    }

    [Fact]
    public async Task SessionsOfOneClockShareOneTimerThatGoesWithTheLast()
    {
        var clock = new ManualTimeProvider();
        YamuxSession[] sessions = [.. Enumerable.Range(0, 3)
            .Select(_ => new YamuxSession(new PipePair().Near, YamuxRole.Acceptor, clock: clock))];
        var running = Array.ConvertAll(sessions, static session => session.RunAsync());
        Assert.Equal(1, clock.PendingTimers);

        foreach (var session in sessions)
        {
            Assert.Equal(1, clock.PendingTimers);
            session.Dispose();
            await running[Array.IndexOf(sessions, session)].Soon();
        }

        Assert.Equal(0, clock.PendingTimers);
    }

    [Fact]
    public async Task APingOfTheApplicationMeasuresTheRoundTrip()
    {
        await using var raw = new RawYamux();
        var ping = raw.Session.PingAsync();
        var request = await raw.ReadAsync();
        raw.Clock.Advance(TimeSpan.FromSeconds(2));
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Ack, 0, request.Length);

        Assert.Equal(TimeSpan.FromSeconds(2), await ping.Soon());
    }

    [Fact]
    public async Task ApplicationsThatWaitForAPingHearTheEnd()
    {
        await using var raw = new RawYamux();
        var ping = raw.Session.PingAsync();
        await raw.ReadAsync();
        await raw.EndAsync();

        var thrown = await Assert.ThrowsAsync<YamuxException>(() => ping.Soon());
        Assert.Equal(YamuxCloseReason.PeerClose, thrown.Reason);
    }

    [Fact]
    public async Task APeerThatTakesNothingForTenSecondsIsCutOff()
    {
        await using var raw = new RawYamux(new YamuxOptions { KeepAlive = TimeSpan.FromDays(1) }, buffer: 64);
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        var writing = stream.Output.WriteAsync(new byte[100_000]).AsTask();
        await raw.ReadAsync();

        // The clock moves until the write loop is seen to be stuck; real time decides only how soon it gets there.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!raw.Running.IsCompleted)
        {
            limit.Token.ThrowIfCancellationRequested();
            raw.Clock.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        Assert.Equal(YamuxCloseReason.WriteTimeout, await raw.Running.Soon());
        await writing.Soon();
    }

    [Fact]
    public async Task AStreamHalfClosedForFiveMinutesIsReset()
    {
        await using var raw = new RawYamux(new YamuxOptions { KeepAlive = TimeSpan.FromDays(1) });
        await raw.OpenAsync(1);
        var stream = (await raw.Session.AcceptStreamAsync().Soon())!;
        await raw.ReadAsync();
        await stream.Output.CompleteAsync();
        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Fin, 1, 0), await raw.ReadAsync());

        raw.Clock.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(5));
        await raw.SendAsync(YamuxType.Ping, YamuxFlags.Syn, 0, 1);
        Assert.Equal(YamuxType.Ping, (await raw.ReadAsync()).Type);
        raw.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Rst, 1, 0), await raw.ReadAsync());
    }

    [Fact]
    public async Task AnOpenThatIsNotAcceptedIn75SecondsEndsTheSession()
    {
        await using var raw = new RawYamux(new YamuxOptions { KeepAlive = TimeSpan.FromDays(1) }, YamuxRole.Dialer);
        await raw.Session.OpenStreamAsync();
        raw.Clock.Advance(TimeSpan.FromSeconds(74));
        Assert.Equal(YamuxCloseReason.None, raw.Session.CloseReason);
        raw.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(YamuxCloseReason.OpenTimeout, await raw.Running.Soon());
    }

    [Fact]
    public async Task OpensBeyondTheLimitWaitForAnAcceptAndHearTheEnd()
    {
        await using var raw = new RawYamux(new YamuxOptions { MaxPendingOpens = 1 }, YamuxRole.Dialer);
        await raw.Session.OpenStreamAsync();
        var second = raw.Session.OpenStreamAsync().AsTask();
        var third = raw.Session.OpenStreamAsync().AsTask();
        Assert.False(second.IsCompleted);
        await raw.SendAsync(YamuxType.WindowUpdate, YamuxFlags.Ack, 1, 0);

        Assert.Equal(3u, (await second.Soon()).Id);
        await raw.EndAsync();
        await Assert.ThrowsAsync<YamuxException>(() => third.Soon());
    }
}
