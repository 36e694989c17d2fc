namespace Peers.Acceptance;

/// <summary>Links that lose and delay packets, and relays that stop (dialer.md §7.14, 6 and 12).</summary>
public sealed class LinkTests(SharedServer shared)
{
    [Theory]
    [InlineData(1, 0, 1_000_000)]
    [InlineData(5, 0, 200_000)]
    [InlineData(10, 0, 100_000)]
    [InlineData(0, 500, 1_000_000)]
    public async Task OutputIsWholeOverALinkThatLosesPackets(int lossPercent, int jumpMilliseconds, int bytes)
    {
        var server = shared.Server;
        var identity = await server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(
            server, identity, "-loss", $"{lossPercent}", "-jump", $"{jumpMilliseconds}ms", "-jump-every", "2s");
        using var terminal = await UserTerminal.OpenShellAsync(server, identity);
        await Shell.AssertFloodAsync(terminal, bytes);
        await Shell.AssertPasteAsync(terminal, new string('x', bytes / 4));
    }

    [Fact]
    public async Task ATerminalGoesOnWhenItsRelayStartsAgainAndWhenTheAgentsHomeMoves()
    {
        await using var first = new RelayServer(1);
        await using var second = new RelayServer(2);
        await first.StartAsync();
        await second.StartAsync();
        await using var server = await EdgeServer.StartAsync(
            ["--ControlPlane:DerpMap:Embedded:Enabled=false", .. first.Settings, .. second.Settings]);
        var identity = await server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(server, identity, "-home", "1");
        using var terminal = await UserTerminal.OpenShellAsync(server, identity);

        await first.StopAsync();
        await first.StartAsync();
        await terminal.AssertAnswersAsync().WaitAsync(TimeSpan.FromSeconds(5));

        await agent.TellAsync("home 2");
        await agent.UntilAsync("home 2");
        await first.StopAsync();
        await terminal.AssertAnswersAsync().WaitAsync(TimeSpan.FromSeconds(5));
        await Shell.AssertFloodAsync(terminal, 1 << 20);
    }
}
