using System.Diagnostics;

namespace Peers.Acceptance;

/// <summary>Links that lose and delay packets, and relays that stop.</summary>
public sealed class LinkTests(SharedServer shared, ITestOutputHelper output)
{
    // Much loss is tried with input alone: gVisor's TCP as a sender then waits for up to a minute, also for gVisor's.
    [Theory]
    [InlineData(1, 0, 1_000_000, 250_000)]
    [InlineData(5, 0, 50_000, 250_000)]
    [InlineData(10, 0, 0, 250_000)]
    [InlineData(0, 500, 1_000_000, 250_000)]
    public async Task BytesAreWholeOverALinkThatLosesPackets(int lossPercent, int jumpMilliseconds, int outputBytes, int inputBytes)
    {
        var server = shared.Server;
        var identity = await server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(
            server, identity, "-loss", $"{lossPercent}", "-jump", $"{jumpMilliseconds}ms", "-jump-every", "700ms");
        using var terminal = await UserTerminal.OpenShellAsync(server, identity);
        var start = Stopwatch.StartNew();
        await Shell.AssertFloodAsync(terminal, outputBytes);
        output.WriteLine($"{outputBytes} bytes of output in {start.Elapsed.TotalSeconds:0.00} s");
        start.Restart();
        await Shell.AssertPasteAsync(terminal, new string('x', inputBytes));
        output.WriteLine($"{inputBytes} bytes of input in {start.Elapsed.TotalSeconds:0.00} s");
    }

    [Fact]
    public async Task ATerminalGoesOnWhenItsRelayStartsAgainAndWhenTheAgentsHomeMoves()
    {
        await using var first = new RelayServer(1);
        await using var second = new RelayServer(2);
        await Task.WhenAll(first.StartAsync(), second.StartAsync());
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
