using System.Net.Http.Headers;
using System.Net.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Peer;

namespace ControlPlane.Tests.Dialing;

/// <summary>An API server with a fake tailnet node, whose agent is connected unless a test wants otherwise.</summary>
internal sealed class DialingServer : IAsyncDisposable
{
    private readonly TailnetLink? _agent;

    private DialingServer(ApiServer api, FakeDialer dialer, TailnetLink? agent) => (Api, Dialer, _agent) = (api, dialer, agent);

    public ApiServer Api { get; }

    public FakeDialer Dialer { get; }

    public static async Task<DialingServer> StartAsync(
        TimeProvider? time = null, Func<string, ControlPlaneOptions>? options = null, bool hasNode = true, bool isConnected = true)
    {
        var dialer = new FakeDialer();
        var api = await ApiServer.StartAsync(options, time, services: services =>
        {
            if (hasNode)
            {
                services.AddSingleton<IAgentDialer>(dialer);
            }
        });
        if (!isConnected)
        {
            return new DialingServer(api, dialer, null);
        }

        var agent = await TailnetLink.RpcAsync(api);
        await Eventually.TrueAsync(
            async () => (await api.GetAsUserAsync(api.AgentPath)).Text("status") == "connected", "the agent is connected");
        return new DialingServer(api, dialer, agent);
    }

    /// <summary>Opens a TCP connection to the agent.</summary>
    public Task<ClientWebSocket> ConnectAsync(string port = "8080") =>
        TailnetLink.DialAsync(Api, $"{Api.AgentPath}/tcp?port={port}", Api.Credentials!.SessionToken);

    /// <summary>Sends a handshake that is refused.</summary>
    public Task<Answer> RefusedAsync(string path) => RefusedAsync(Api, Api.AgentPath + path, Api.Credentials!.SessionToken);

    /// <summary>Sends a handshake that a server refuses.</summary>
    public static Task<Answer> RefusedAsync(ApiServer api, string path, string? token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", Convert.ToBase64String(new byte[16]));
        if (token is not null)
        {
            request.Headers.Add("Coder-Session-Token", token);
        }

        return api.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        await (_agent?.DisposeAsync() ?? ValueTask.CompletedTask);
        await Api.DisposeAsync();
    }
}
