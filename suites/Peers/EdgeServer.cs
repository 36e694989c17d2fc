using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Peers;

/// <summary>An agent that the API server knows, and the session token of its owner.</summary>
internal sealed record AgentIdentity(Guid Id, string Token, string SessionToken);

/// <summary>A node as a process, of mode <c>all</c> unless the settings say otherwise, without a local agent.</summary>
internal sealed class EdgeServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(60) };
    private readonly int _port = Ports.Free();
    private readonly string[] _settings;
    private EdgeProcess? _process;
    private int _created;

    private EdgeServer(string[] settings) => _settings = settings;

    /// <summary>The public URL.</summary>
    public Uri Url => Process.UrlOf("public");

    /// <summary>All memory of the process that is its own, in bytes.</summary>
    public long MemoryInUse
    {
        get
        {
            using var process = System.Diagnostics.Process.GetProcessById(Process.Id);
            return process.WorkingSet64;
        }
    }

    private EdgeProcess Process => _process ?? throw new InvalidOperationException("The server has not started.");

    /// <summary>Starts a node with these settings besides.</summary>
    public static async Task<EdgeServer> StartAsync(params string[] settings)
    {
        var server = new EdgeServer(settings);
        try
        {
            await server.RunAsync();
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        return server;
    }

    /// <summary>Creates an agent of a user of its own.</summary>
    public async Task<AgentIdentity> CreateAgentAsync()
    {
        var user = $"user{Interlocked.Increment(ref _created)}";
        await AdministerAsync("users", new { username = user, email = $"{user}@edge.example" });
        var token = await AdministerAsync($"users/{user}/tokens", new { lifetime_seconds = 3600 });
        await AdministerAsync("workspaces", new { owner = user, name = "dev" });
        var agent = await AdministerAsync("agents", new { workspace = $"{user}/dev", name = "main" });
        return new AgentIdentity(
            Guid.Parse(agent["id"]!.GetValue<string>()), agent["auth_token"]!.GetValue<string>(), token["token"]!.GetValue<string>());
    }

    /// <summary>Calls a route of an agent with its owner's session.</summary>
    public async Task<(int Status, JsonNode? Body)> CallAsync(HttpMethod method, AgentIdentity agent, string route, string? token = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(Url, $"/api/v2/workspaceagents/{agent.Id}{route}"));
        request.Headers.Add("Coder-Session-Token", token ?? agent.SessionToken);
        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        var isJson = answer.Content.Headers.ContentType?.MediaType == "application/json";
        return ((int)answer.StatusCode, isJson ? JsonNode.Parse(text) : JsonValue.Create(text));
    }

    /// <summary>Waits until the API server counts the agent as connected.</summary>
    public Task ConnectedAsync(AgentIdentity agent) => Eventually.TrueAsync(
        async () => (await CallAsync(HttpMethod.Get, agent, "")).Body!["status"]!.GetValue<string>() == "connected",
        "the agent is connected");

    /// <summary>Kills the process, and starts it again with its data and its address.</summary>
    public async Task RestartAsync()
    {
        await Process.DisposeAsync();
        await RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await (_process?.DisposeAsync() ?? ValueTask.CompletedTask);
        _http.Dispose();
        _directory.Dispose();
    }

    // The map names the embedded relay only where the node knows its own URL.
    private async Task RunAsync()
    {
        _process = await EdgeProcess.StartAsync(
            _directory.Path,
            [
                "--urls", $"http://127.0.0.1:{_port}", "--Edge:Admin:Url=http://127.0.0.1:0", "--ControlPlane:LocalAgent=off",
                "--Edge:RateLimit:PerMinute=0", .. _settings,
            ]);
        Assert.Contains("  stop ", _process.Output, StringComparison.Ordinal);
    }

    private async Task<JsonNode> AdministerAsync(string route, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Process.UrlOf("admin"), $"/admin/v1/{route}"));
        var token = Bootstrapped.AdminToken(Path.Combine(_directory.Path, ".edge", "bootstrap.json"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Content = JsonContent.Create(body);
        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{route}: {answer.StatusCode} {text}");
        return JsonNode.Parse(text)!;
    }
}
