using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Connections;
using Edge.Hosting;

namespace Edge.LocalAgent;

/// <summary>The local agent as the API server sees it: asked over its Unix socket, and started when it is not there.</summary>
internal sealed class LocalAgentConnection : IAgentConnection, IDisposable
{
    // As often as agents look (tailnet.md §9.3).
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(10);

    private readonly HttpClient _client;
    private readonly AgentLauncher _launcher;
    private readonly TimeProvider _time;

    public LocalAgentConnection(DataDirectory data, LocalAgentSettings settings, TimeProvider time)
    {
        _client = AgentSocketClient.Create(data.AgentSocket);
        _launcher = new AgentLauncher(data, settings, time);
        _time = time;
    }

    public Task<AgentContainers> ListContainersAsync(CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, LocalAgentRoutes.Containers, LocalAgentJson.Default.AgentContainers, cancellationToken);

    public async IAsyncEnumerable<AgentContainers> WatchContainersAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        byte[] last = [];
        using var timer = new PeriodicTimer(WatchInterval, _time);
        do
        {
            var containers = await ListContainersAsync(cancellationToken);
            var text = JsonSerializer.SerializeToUtf8Bytes(containers, LocalAgentJson.Default.AgentContainers);
            if (!last.AsSpan().SequenceEqual(text))
            {
                last = text;
                yield return containers;
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    public Task<AgentNotice> RecreateDevcontainerAsync(string key, bool isContainer, CancellationToken cancellationToken) => AskAsync(
        HttpMethod.Post,
        $"{(isContainer ? LocalAgentRoutes.RecreateContainer : LocalAgentRoutes.RecreateDevcontainer)}?key={Uri.EscapeDataString(key)}",
        LocalAgentJson.Default.AgentNotice,
        cancellationToken);

    public Task<IReadOnlyList<ListeningPort>> ListListeningPortsAsync(CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, LocalAgentRoutes.Ports, LocalAgentJson.Default.IReadOnlyListListeningPort, cancellationToken);

    public async Task<ITerminal> OpenTerminalAsync(TerminalRequest request, CancellationToken cancellationToken)
    {
        await _launcher.EnsureAsync(cancellationToken);
        var query = string.Create(
            CultureInfo.InvariantCulture, $"?id={request.Id:D}&height={request.Height}&width={request.Width}&command={Uri.EscapeDataString(request.Command)}");
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan;
        try
        {
            await socket.ConnectAsync(new UriBuilder(new Uri(AgentSocketClient.Base, LocalAgentRoutes.Terminal + query)) { Scheme = "ws" }.Uri, _client, cancellationToken);
            return new LocalTerminal(socket);
        }
        catch (WebSocketException exception)
        {
            using (socket)
            {
                throw socket.HttpResponseHeaders?.GetValueOrDefault(LocalAgentRoutes.RefusalHeader)?.FirstOrDefault() is { } refusal
                    ? new AgentConnectionException((int)socket.HttpStatusCode, refusal)
                    : new AgentConnectionException("the local agent is gone", exception);
            }
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _launcher.Dispose();
    }

    private async Task<T> AskAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        await _launcher.EnsureAsync(cancellation);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(AgentSocketClient.Base, path));
            using var answer = await _client.SendAsync(request, cancellation);
            var body = await answer.Content.ReadAsByteArrayAsync(cancellation);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                return JsonSerializer.Deserialize(body, type)!;
            }

            var notice = JsonSerializer.Deserialize(body, LocalAgentJson.Default.AgentNotice)!;
            throw new AgentConnectionException((int)answer.StatusCode, notice.Message, notice.Detail);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or JsonException)
        {
            throw new AgentConnectionException("the local agent does not answer", exception);
        }
    }
}
