namespace Peers.Acceptance;

/// <summary>API servers behind an edge, with a relay of its own process.</summary>
public sealed class ServerTests
{
    [Fact]
    public async Task ATerminalOutlivesItsApiServer()
    {
        await using var relay = new RelayServer(1);
        await relay.StartAsync();
        await using var server = await EdgeServer.StartAsync(["--Edge:Mode=api", .. relay.Settings]);
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path,
            "--urls", $"http://127.0.0.1:{Ports.Free()}", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge",
            $"--Edge:Backends:0={server.Url}", "--Relay:Derp:Mode=off");
        var front = edge.UrlOf("public");
        var identity = await server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(server, identity, "-url", front.AbsoluteUri);
        using var terminal = await UserTerminal.OpenAsync(front, identity);
        await terminal.UntilAsync(Shell.Prompt);
        await terminal.AssertAnswersAsync();

        await server.RestartAsync();

        // The agent connects again, the edge attaches the client again, and the agent's shell is still the same.
        await terminal.UntilAsync("[connection resumed]");
        await terminal.AssertAnswersAsync();
        await Shell.AssertFloodAsync(terminal, 100_000);
    }
}
