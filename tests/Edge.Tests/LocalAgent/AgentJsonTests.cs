using System.Text;
using System.Text.Json;
using Edge.LocalAgent;
using LocalAgent;
using LocalAgent.Machine;

namespace Edge.Tests.LocalAgent;

/// <summary>
/// The agent and its client have types of their own for the bodies on the socket. An older agent serves a newer API server, so the
/// JSON of both stays the same, byte for byte.
/// </summary>
public class AgentJsonTests
{
    private static readonly string Containers = OneLine("""
        {"containers":[{"created_at":"2026-01-02T03:04:05+00:00","id":"0123","name":"web","image":"nginx:1","labels":{"a":"b"},
        "running":true,"ports":[{"port":80,"network":"tcp","host_ip":"0.0.0.0","host_port":8080,"process_name":""},
        {"port":53,"network":"udp","process_name":""}],"status":"running","volumes":{"/data":"/srv"}}],
        "devcontainers":[{"id":"0c9a8a5e-2f6e-4a7c-9a0f-111111111111","name":"site","workspace_folder":"/home/me/site",
        "config_path":"/home/me/site/.devcontainer.json","status":"error","dirty":true,
        "container":{"created_at":"2026-01-02T03:04:05+00:00","id":"0123","name":"web","image":"nginx:1","labels":{"a":"b"},
        "running":true,"ports":[{"port":80,"network":"tcp","host_ip":"0.0.0.0","host_port":8080,"process_name":""},
        {"port":53,"network":"udp","process_name":""}],"status":"running","volumes":{"/data":"/srv"}},"error":"broken"},
        {"id":"0c9a8a5e-2f6e-4a7c-9a0f-222222222222","name":"old","workspace_folder":"/home/me/old","status":"stopped",
        "dirty":false}],"warnings":["one is odd"]}
        """);

    [Fact]
    public void ContainersAreTheSameOnBothSides()
    {
        var web = new AgentContainer(
            new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            "0123",
            "web",
            "nginx:1",
            new Dictionary<string, string> { ["a"] = "b" },
            true,
            [new ContainerPort(80, "tcp", "0.0.0.0", 8080), new ContainerPort(53, "udp")],
            "running",
            new Dictionary<string, string> { ["/data"] = "/srv" });
        var sent = JsonSerializer.SerializeToUtf8Bytes(
            new AgentContainers(
                [web],
                [
                    new Devcontainer(
                        Guid.Parse("0c9a8a5e-2f6e-4a7c-9a0f-111111111111"), "site", "/home/me/site", "/home/me/site/.devcontainer.json",
                        "error", true, web, "broken"),
                    new Devcontainer(
                        Guid.Parse("0c9a8a5e-2f6e-4a7c-9a0f-222222222222"), "old", "/home/me/old", null, "stopped", false),
                ],
                ["one is odd"]),
            AgentJson.Default.AgentContainers);
        Assert.Equal(Containers, Encoding.UTF8.GetString(sent));

        var received = JsonSerializer.Deserialize(sent, LocalAgentJson.Default.AgentContainers)!;
        Assert.Equal(Containers, JsonSerializer.Serialize(received, LocalAgentJson.Default.AgentContainers));
    }

    [Fact]
    public void PortsAreTheSameOnBothSides()
    {
        const string Text = """[{"process_name":"sshd","network":"tcp","port":22},{"process_name":"","network":"tcp","port":80}]""";
        ListeningPort[] ports = [new("sshd", "tcp", 22), new("", "tcp", 80)];
        Assert.Equal(Text, JsonSerializer.Serialize(ports, AgentJson.Default.IReadOnlyListListeningPort));

        var received = JsonSerializer.Deserialize(Text, LocalAgentJson.Default.IReadOnlyListListeningPort)!;
        Assert.Equal(Text, JsonSerializer.Serialize(received, LocalAgentJson.Default.IReadOnlyListListeningPort));
    }

    [Theory]
    [InlineData("begun", "in detail", """{"message":"begun","detail":"in detail"}""")]
    [InlineData("begun", null, """{"message":"begun"}""")]
    public void NoticesAreTheSameOnBothSides(string message, string? detail, string text)
    {
        Assert.Equal(text, JsonSerializer.Serialize(new AgentNotice(message, detail), AgentJson.Default.AgentNotice));

        var received = JsonSerializer.Deserialize(text, LocalAgentJson.Default.AgentNotice)!;
        Assert.Equal((message, detail), (received.Message, received.Detail));
    }

    private static string OneLine(string text) => text.ReplaceLineEndings("");
}
