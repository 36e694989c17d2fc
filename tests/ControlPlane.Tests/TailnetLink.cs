using System.Net.WebSockets;
using ControlPlane.Http;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace ControlPlane.Tests;

/// <summary>A client's or agent's side of a tailnet session: WebSocket, yamux dialer, dRPC.</summary>
internal sealed class TailnetLink : IAsyncDisposable
{
    public const string Tailnet = "/coder.tailnet.v2.Tailnet/";
    public const string Agent = "/coder.agent.v2.Agent/";

    private readonly ClientWebSocket _socket;
    private readonly SocketPipe _pipe;
    private readonly YamuxSession _session;

    private TailnetLink(ClientWebSocket socket)
    {
        _socket = socket;
        _pipe = new SocketPipe(
            _socket, new ControlPlaneOptions { DataDirectory = "", WebSocketCloseTimeout = ApiServer.Patience }, TimeProvider.System);
        _session = new YamuxSession(_pipe, YamuxRole.Dialer);
        Client = new DrpcClient(_session);
        Ended = _session.RunAsync();
    }

    public DrpcClient Client { get; }

    /// <summary>Completes when the session is over.</summary>
    public Task<YamuxCloseReason> Ended { get; }

    public static async Task<TailnetLink> ConnectAsync(ApiServer server, string path, string token) =>
        new(await DialAsync(server, path, token));

    public static Task<TailnetLink> CoordinateAsync(ApiServer server, string query = "?version=2.0") =>
        ConnectAsync(server, server.AgentPath + "/coordinate" + query, server.Credentials!.SessionToken);

    public static Task<TailnetLink> TailnetAsync(ApiServer server, string query = "") =>
        ConnectAsync(server, "/api/v2/tailnet" + query, server.Credentials!.SessionToken);

    public static Task<TailnetLink> RpcAsync(ApiServer server, string query = "?version=2.10&role=agent") =>
        ConnectAsync(server, "/api/v2/workspaceagents/me/rpc" + query, server.Agent.AuthToken);

    public static async Task<ClientWebSocket> DialAsync(ApiServer server, string path, string token)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", token);
        await socket.ConnectAsync(
            new UriBuilder(new Uri(server.Client.BaseAddress!, path)) { Scheme = "ws" }.Uri, TestContext.Current.CancellationToken)
                .WaitAsync(ApiServer.Patience);
        return socket;
    }

    public Task<T> UnaryAsync<T>(string path, IMessage request, MessageParser<T> parser)
        where T : class, IMessage<T> => Client.UnaryAsync(path, request, parser).WaitAsync(ApiServer.Patience);

    public Task<DrpcClientCall<CoordinateResponse>> CoordinateAsync() =>
        Client.StartAsync(Tailnet + "Coordinate", CoordinateResponse.Parser);

    public async Task<string> ResumeTokenAsync() =>
        (await UnaryAsync(Tailnet + "RefreshResumeToken", new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser)).Token;

    /// <summary>Ends the session, and says how the server closed the socket.</summary>
    public async Task<WebSocketCloseStatus?> CloseAsync()
    {
        _session.Close();
        await Ended.WaitAsync(ApiServer.Patience);
        await _pipe.FinishAsync(WebSocketCloseStatus.NormalClosure, "");
        return _socket.CloseStatus;
    }

    /// <summary>Aborts the connection without a close.</summary>
    public void Abort() => _socket.Abort();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _session.Dispose();
        _socket.Dispose();
    }
}

/// <summary>What peers say and hear.</summary>
internal static class Peers
{
    public static Task Soon(this Task task) => task.WaitAsync(ApiServer.Patience);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(ApiServer.Patience);

    public static Task SendNodeAsync(this DrpcClientCall<CoordinateResponse> call, long id, Guid? tunnel = null)
    {
        var request = new CoordinateRequest { UpdateSelf = new() { Node = new Node { Id = id, PreferredDerp = 1 } } };
        if (tunnel is { } agent)
        {
            request.AddTunnel = new() { Id = PeerIds.Write(agent) };
        }

        return call.SendAsync(request);
    }

    /// <summary>The next update of a peer.</summary>
    public static async Task<CoordinateResponse.Types.PeerUpdate> UpdateAsync(this DrpcClientCall<CoordinateResponse> call)
    {
        var response = await call.ReceiveAsync().Soon();
        Assert.Equal("", response!.Error);
        return Assert.Single(response.PeerUpdates);
    }
}
