using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Edge.Administration;
using Edge.AgentCommands;
using Edge.Program;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Peer;
using Tailnet.Yamux;

namespace EndToEnd.AgentCommands;

/// <summary>A whole node, whose agent is connected and reached over loopback, and the commands on that agent.</summary>
internal sealed class AgentCommandRig : IAsyncDisposable
{
    private readonly TestNode _edge;
    private readonly ClientWebSocket _agent;
    private readonly YamuxSession _session;

    private AgentCommandRig(TestNode edge, LoopbackAgents agents, ClientWebSocket agent)
    {
        (_edge, Agents, _agent) = (edge, agents, agent);
        var stream = WebSocketStream.Create(agent, WebSocketMessageType.Binary);
        _session = new YamuxSession(new Transport(PipeReader.Create(stream), PipeWriter.Create(stream)), YamuxRole.Dialer);
        _ = _session.RunAsync();
    }

    public LoopbackAgents Agents { get; }

    public Guid AgentId => Bootstrapped.AgentId(BootstrapFile);

    public string Token => Bootstrapped.SessionToken(BootstrapFile);

    public string BootstrapFile => _edge.Node.Data.BootstrapFile;

    public Uri Url => _edge.PublicUrl;

    private string[] Target => ["--url", Url.ToString(), "--data-directory", Path.GetDirectoryName(BootstrapFile)!];

    public static async Task<AgentCommandRig> StartAsync()
    {
        var agents = new LoopbackAgents();
        var edge = await TestNode.StartAsync(
            TimeProvider.System,
            waitUntilReady: true,
            services => services.AddSingleton<IAgentDialer>(agents),
            "Edge:Mode=all",
            "ControlPlane:LocalAgent=off");
        var agent = new ClientWebSocket();
        agent.Options.SetRequestHeader("Coder-Session-Token", Bootstrapped.AgentToken(edge.Node.Data.BootstrapFile));
        var url = new UriBuilder(new Uri(edge.PublicUrl, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent")) { Scheme = "ws" };
        await agent.ConnectAsync(url.Uri, TestContext.Current.CancellationToken);
        var rig = new AgentCommandRig(edge, agents, agent);
        await Eventually.TrueAsync(rig.IsConnectedAsync, "the agent is connected");
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
