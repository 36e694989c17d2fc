using System.Net.WebSockets;
using System.Text;

namespace Peers.Acceptance;

/// <summary>Terminals of the public API on a real agent.</summary>
public sealed class TerminalTests(SharedServer shared)
{
    private readonly EdgeServer _server = shared.Server;

    [Fact]
    public async Task AShellAnswersIsResizedAndEndsWith1000()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        await terminal.TypeAsync("echo hé\r");
        await terminal.UntilAsync("echo hé\r\nhé\r\n");
        await terminal.TypeAsync("size\r");
        await terminal.UntilAsync("24x80\r\n");
        await terminal.ResizeAsync(33, 44);
        await terminal.TypeAsync("size\r");
        await terminal.UntilAsync("33x44\r\n");
        await terminal.TypeAsync("exit\r");
        Assert.Equal(WebSocketCloseStatus.NormalClosure, (await terminal.ToCloseAsync()).Status);
    }

    [Fact]
    public async Task TwoAttachmentsSeeEachOtherAndAThirdGetsWhatWasPrinted()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        var reconnect = Guid.NewGuid();
        using (var one = await UserTerminal.OpenShellAsync(_server, identity, reconnect))
        {
            using var two = await UserTerminal.OpenShellAsync(_server, identity, reconnect);
            await one.TypeAsync("echo from one\r");
            await two.UntilAsync("\nfrom one\r\n");
            await two.TypeAsync("echo from two\r");
            await one.UntilAsync("\nfrom two\r\n");
        }

        using var three = await UserTerminal.OpenAsync(_server, identity, reconnect);
        await three.UntilAsync("\nfrom one\r\n");
        await three.UntilAsync("\nfrom two\r\n");
        await three.AssertAnswersAsync();
    }

    [Fact]
    public async Task AMebibyteArrivesWholeInEachDirection()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        await Shell.AssertFloodAsync(terminal, 1 << 20);
        await Shell.AssertPasteAsync(terminal, string.Concat(Enumerable.Repeat("a1é日", (1 << 20) / 7)));
    }

    [Fact]
    public async Task ACommandOfAThousandBytesRuns()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        var text = new string('x', 995);
        using var terminal = await UserTerminal.OpenAsync(_server, identity, command: $"echo {text}");
        await terminal.UntilAsync($"{text}\r\n");
        Assert.Equal(WebSocketCloseStatus.NormalClosure, (await terminal.ToCloseAsync()).Status);
        Assert.DoesNotContain(agent.Lines, static line => line.StartsWith("pty init", StringComparison.Ordinal));
    }

    [Fact]
    public async Task InputCutAtEveryByteOfItsCharactersArrivesWhole()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        const string Text = "é日🙂";
        var message = Encoding.UTF8.GetBytes($"{{\"data\":\"echo {Text}\\r\"}}");
        for (var cut = 1; cut < message.Length; cut++)
        {
            await terminal.SendAsync(message.AsMemory(0, cut));
            await terminal.SendAsync(message.AsMemory(cut));
            Assert.Equal($"echo {Text}\r\n{Text}\r\n{Shell.Prompt}", Encoding.UTF8.GetString(await terminal.UntilAsync(Shell.Prompt)));
        }
    }

    [Fact]
    public async Task AClientThatDoesNotReadStopsTheAgentAndLosesNothing()
    {
        const int Flood = 24 << 20;
        const int Growth = 64 << 20;
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        using var terminal = await UserTerminal.OpenShellAsync(_server, identity);
        var before = _server.MemoryInUse;
        await terminal.TypeAsync($"flood {Flood}\r");
        var taken = await StandstillAsync(agent);
        Assert.InRange(taken, 1, Flood - 1);
        Assert.InRange(_server.MemoryInUse - before, long.MinValue, Growth);

        // Another terminal of the agent is not held up.
        using var other = await UserTerminal.OpenShellAsync(_server, identity);
        await other.AssertAnswersAsync();
        await Shell.AssertFloodArrivesAsync(terminal, Flood);
    }

    // How many bytes the shell could print when it could print no more for a while.
    private static async Task<long> StandstillAsync(PeerProcess agent)
    {
        const int Same = 10;
        var (last, times) = (-1L, 0);
        while (times < Same)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50));
            await agent.TellAsync("flooded");
            var now = long.Parse((await agent.UntilAsync("flooded ")).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            times = now > 0 && now == last ? times + 1 : 0;
            last = now;
        }

        return last;
    }
}
