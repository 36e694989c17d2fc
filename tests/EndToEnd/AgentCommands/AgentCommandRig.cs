using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using ControlPlane;
using Edge.Administration;
using Edge.AgentCommands;
using Edge.Program;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Peer;
using Tailnet.Yamux;

namespace EndToEnd.AgentCommands;

/// <summary>An API server with a fake tailnet node, whose agent is connected; an edge before it; and the commands on that agent.</summary>
internal sealed class AgentCommandRig : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly WebApplication _api;
    private readonly ClientWebSocket _agent = new();
    private TestNode _edge = null!;
    private YamuxSession _session = null!;

    private AgentCommandRig()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddControlPlane(new ControlPlaneOptions { DataDirectory = _directory.Path });
        builder.Services.AddSingleton<IAgentDialer>(Agents);
        _api = builder.Build();
        _api.UseControlPlane();
    }

    public LoopbackAgents Agents { get; } = new();

    public Guid AgentId { get; private set; }

    public string Token { get; private set; } = "";

    public Uri Url => _edge.PublicUrl;

    private string[] Target => ["--url", Url.ToString(), "--data-directory", _directory.Path];

    public static async Task<AgentCommandRig> StartAsync()
    {
        var rig = new AgentCommandRig();
        var credentials = (await ControlPlaneApplication.InitializeAsync(
            rig._api.Services, static (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken))!;
        (rig.Token, rig.AgentId) = (credentials.SessionToken, credentials.Agents[0].Id);
        await File.WriteAllTextAsync(rig._directory.File("bootstrap.json"), $$"""{"session_token": "{{rig.Token}}"}""");
        await rig._api.StartAsync();
        rig._edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={rig._api.Urls.First()}");
        await rig.ConnectAsync(credentials.Agents[0].AuthToken);
        return rig;
    }

    /// <summary>Runs a command with the URL and the token of the node.</summary>
    public Task<(int Code, string Output, string Errors)> RunAsync(params string[] command) => RunAloneAsync([.. command, .. Target]);

    /// <summary>Runs a command with only its own options.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAloneAsync(params string[] command)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await EdgeProgram.RunAsync(
            command, new AdminInput(static () => TextReader.Null, CanAsk: false), output, errors).WaitAsync(TestNode.Patience);
        return (code, output.ToString(), errors.ToString());
    }

    /// <summary>Starts a command as a process, with the URL and the token of the node in its environment.</summary>
    public Process Start(params string[] command)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Edge.dll"), .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["EDGE_URL"] = Url.ToString();
        start.Environment["EDGE_SESSION_TOKEN"] = Token;
        return Process.Start(start)!;
    }

    public AgentClient NewClient() => new(new AgentTarget(Url, Token));

    public async ValueTask DisposeAsync()
    {
        _session.Dispose();
        _agent.Abort();
        _agent.Dispose();
        await _edge.DisposeAsync();
        await _api.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>Connects the agent to the API server, through the edge.</summary>
    private async Task ConnectAsync(string token)
    {
        _agent.Options.SetRequestHeader("Coder-Session-Token", token);
        var url = new UriBuilder(new Uri(Url, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent")) { Scheme = "ws" };
        await _agent.ConnectAsync(url.Uri, TestContext.Current.CancellationToken);
        var stream = WebSocketStream.Create(_agent, WebSocketMessageType.Binary);
        _session = new YamuxSession(new Transport(PipeReader.Create(stream), PipeWriter.Create(stream)), YamuxRole.Dialer);
        _ = _session.RunAsync();
        await Eventually.TrueAsync(IsConnectedAsync, "the agent is connected");
    }

    private async Task<bool> IsConnectedAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v2/workspaceagents/{AgentId}");
        request.Headers.Add("Coder-Session-Token", Token);
        using var answer = await _edge.Public.SendAsync(request);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())?["status"]?.ToString() == "connected";
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

/// <summary>What the sockets of tests do.</summary>
internal static class Sockets
{
    /// <summary>All bytes until the peer's end.</summary>
    public static async Task<byte[]> ReadToEndAsync(this Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken) is var count && count > 0)
        {
            all.Write(buffer, 0, count);
        }

        return all.ToArray();
    }

    /// <summary>Sends everything.</summary>
    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, TestContext.Current.CancellationToken)..];
        }
    }
}
