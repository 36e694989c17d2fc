using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>What agents ask of the embedded API server about others and themselves, through the edge.</summary>
public class AgentIdentityTests
{
    private const string Me = "/api/v2/workspaceagents/me/";

    [Fact]
    public async Task AProviderOfTheSettingsGivesAgentsItsToken()
    {
        using var directory = new TemporaryDirectory();
        await File.WriteAllTextAsync(directory.File("token"), "shared-token");
        await using var edge = await TestNode.StartAsync(
            "ControlPlane:ExternalAuth:0:Id=git",
            "ControlPlane:ExternalAuth:0:Type=gitlab",
            @"ControlPlane:ExternalAuth:0:Regex=^https://git\.example\.com/",
            $"ControlPlane:ExternalAuth:0:TokenFile={directory.File("token")}");
        using var answer = await edge.Public.SendAsync(Get(edge, "external-auth?match=https%3A%2F%2Fgit.example.com%2Fa&listen"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var token = await answer.Content.ReadFromJsonAsync<JsonObject>();
        Assert.Equal("oauth2", token!["username"]!.GetValue<string>());
        Assert.Equal("shared-token", token["password"]!.GetValue<string>());
    }

    [Fact]
    public async Task AReinitStreamPassesTheEdgeAtOnce()
    {
        // On a clock that stands still the ping of each 15 s never comes.
        await using var edge = await TestNode.StartAsync(new ManualTimeProvider(), waitUntilReady: false);
        using var answer = await edge.Public.SendAsync(Get(edge, "reinit"), HttpCompletionOption.ResponseHeadersRead)
            .WaitAsync(TestNode.Patience);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("event: ping", await reader.ReadLineAsync().WaitAsync(TestNode.Patience));
    }

    private static HttpRequestMessage Get(TestNode edge, string path)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Me + path);
        request.Headers.Add("Coder-Session-Token", Bootstrapped.AgentToken(edge.Node.Data.BootstrapFile));
        return request;
    }
}
