using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;

namespace Peers.Acceptance;

/// <summary>How agents are reached, and lost.</summary>
public sealed class ReachTests(SharedServer shared, ITestOutputHelper output)
{
    // The one of all agents before v0.26.2.
    private const string LegacyAddress = "fd7a:115c:a1e0:49d6:b259:b7ac:b1b2:48f4";

    private readonly EdgeServer _server = shared.Server;

    [Fact]
    public async Task TerminalsOfAnAgentThatWasKilledEndWhenItIsBackAndANewOneOpensAtOnce()
    {
        var identity = await _server.CreateAgentAsync();
        var first = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        await first.DisposeAsync();

        await using var second = await PeerProcess.StartSoonAsync(_server, identity);
        var back = Stopwatch.StartNew();
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "agent restarted"), await terminal.ToCloseAsync());
        Assert.InRange(back.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        await _server.ConnectedAsync(identity);
        var dialed = Stopwatch.StartNew();
        using var again = await UserTerminal.OpenShellAsync(_server, identity);
        Assert.InRange(dialed.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task AnAgentThatNeverBecomesReadyIsReachedAllTheSame()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-not-ready");
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        await terminal.AssertAnswersAsync();
        Assert.NotEqual("ready", (await _server.CallAsync(HttpMethod.Get, identity, "")).Body!["lifecycle_state"]!.GetValue<string>());
    }

    [Fact]
    public async Task AnOpenTerminalGoesOnWhileTheAgentHasNoCoordination()
    {
        // Longer than the 15 s after which a silent agent counts as lost.
        const int Seconds = 20;
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        await agent.TellAsync($"uncoordinate {Seconds}");
        await agent.UntilAsync("coordination cut");
        await terminal.AssertAnswersAsync();
        await agent.UntilAsync("coordinated");
        await terminal.AssertAnswersAsync();
    }

    [Fact]
    public async Task TwoAgentsWithOneAddressAreReachedAtOnce()
    {
        var (one, two) = (await _server.CreateAgentAsync(), await _server.CreateAgentAsync());
        await using var first = await PeerProcess.StartAgentAsync(_server, one, "-addresses", "legacy");
        await using var second = await PeerProcess.StartAgentAsync(_server, two, "-addresses", "legacy");
        Assert.All([first, second], static agent => Assert.Equal(LegacyAddress, agent.Address));
        using var here = await UserTerminal.OpenShellAsync(_server, one);
        using var there = await UserTerminal.OpenShellAsync(_server, two);
        await here.ResizeAsync(11, 11);
        await there.ResizeAsync(22, 22);
        await here.TypeAsync("size\r");
        await there.TypeAsync("size\r");
        await here.UntilAsync("11x11\r\n");
        await there.UntilAsync("22x22\r\n");
    }

    [Fact]
    public async Task NoUserReachesTheAgentOfAnother()
    {
        var (one, two) = (await _server.CreateAgentAsync(), await _server.CreateAgentAsync());
        await using var first = await PeerProcess.StartAgentAsync(_server, one);
        await using var second = await PeerProcess.StartAgentAsync(_server, two);
        using var terminal = await UserTerminal.OpenShellAsync(_server, one);
        var stranger = one with { SessionToken = two.SessionToken };
        foreach (var route in new[] { "/listening-ports", "/containers", $"/pty?reconnect={Guid.NewGuid()}" })
        {
            Assert.Equal(404, (await _server.CallAsync(HttpMethod.Get, stranger, route)).Status);
        }

        await Assert.ThrowsAsync<WebSocketException>(() => UserTerminal.OpenAsync(_server, stranger));
    }

    [Fact]
    public async Task AnAgentGetsNothingFromTheNodeButAnswersToItsOwnAddress()
    {
        var (one, two) = (await _server.CreateAgentAsync(), await _server.CreateAgentAsync());
        await using var victim = await PeerProcess.StartAgentAsync(_server, one);
        await using var forger = await PeerProcess.StartAgentAsync(_server, two);
        using var ofVictim = await UserTerminal.OpenShellAsync(_server, one);
        using var ofForger = await UserTerminal.OpenShellAsync(_server, two);
        await forger.TellAsync($"ping 1 {victim.Address}");
        await forger.TellAsync("ping 2");
        await forger.UntilAsync("pong 2");
        await forger.TellAsync("dial 80");
        Assert.Contains("refused", await forger.UntilAsync("dial "), StringComparison.Ordinal);
        await ofVictim.AssertAnswersAsync();
        Assert.DoesNotContain("pong 1", forger.Lines);
        Assert.DoesNotContain("pong 1", victim.Lines);
    }

    [Theory]
    [InlineData("-handshake", "true", 300)]
    [InlineData("-drop-initiations", "1", 150)]
    public async Task ASessionIsUpSoonAlthough(string flag, string value, int milliseconds)
    {
        // What a first call of the process costs is not the handshake's.
        var warm = await _server.CreateAgentAsync();
        await using var other = await PeerProcess.StartAgentAsync(_server, warm);
        Assert.Equal(200, (await _server.CallAsync(HttpMethod.Get, warm, "/listening-ports")).Status);

        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, $"{flag}={value}");
        Assert.Equal(200, (await _server.CallAsync(HttpMethod.Get, identity, "/listening-ports")).Status);
        output.WriteLine(string.Join('\n', agent.Lines));
        var up = int.Parse((await agent.UntilAsync("up ")).Split(' ')[1], CultureInfo.InvariantCulture);
        Assert.InRange(up, 0, milliseconds);
    }
}
