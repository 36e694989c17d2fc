using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Connections;
using Edge.Settings;
using LocalAgent;
using Relay.Streams;

namespace Edge.LocalAgent;

/// <summary>The API server's client of the local agent, over its Unix socket. It starts the agent when none runs.</summary>
internal sealed class LocalAgentConnection : IAgentConnection, IDisposable
{
    // The interval of agents (tailnet.md §9.3).
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(10);

    // Callers pass a token with a limit of their own.
    private static readonly UpgradeOptions Bounds = new();

    private readonly string _socket;
    private readonly HttpClient _client;
    private readonly AgentLauncher _launcher;
    private readonly TimeProvider _time;

    public LocalAgentConnection(DataDirectory data, LocalAgentSettings settings, TimeProvider time)
    {
        _socket = data.AgentSocket;
        _client = AgentSocketClient.Create(_socket);
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
        if (request.Shell is null)
        {
            await _launcher.EnsureAsync(cancellationToken);
        }

        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"?id={request.Id:D}&height={request.Height}&width={request.Width}&command={Uri.EscapeDataString(request.Command)}");
        if (request.Shell is { } shell)
        {
            query += $"&shell={shell:D}";
        }

        SocketTransport transport;
        try
        {
            transport = new SocketTransport(await AgentSocketClient.ConnectAsync(_socket, cancellationToken));
        }
        catch (SocketException) when (request.Shell is not null)
        {
            // No agent runs, and a shell ends with its agent.
            throw Gone();
        }
        catch (SocketException exception)
        {
            throw new AgentConnectionException("the local agent is gone", exception);
        }

        try
        {
            var upgrade = LocalTerminal.Request(LocalAgentRoutes.Terminal + query);
            return await BackendUpgrade.SendAsync(transport, upgrade, Bounds, _time, cancellationToken) switch
            {
                UpgradeAccepted accepted when request.Shell is null || request.Shell == ShellOf(accepted) =>
                    new LocalTerminal(transport, ShellOf(accepted)),
                UpgradeAccepted => throw Gone(),
                UpgradeRefused { Head: var head } when head.OnlyValue(LocalAgentRoutes.RefusalHeader) is { } refusal =>
                    throw new AgentConnectionException(head.Status, refusal),
                _ => throw new AgentConnectionException("the local agent is gone"),
            };
        }
        catch
        {
            await transport.DisposeAsync();
            throw;
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _launcher.Dispose();
    }

    private static AgentConnectionException Gone() => new(AgentConnectionException.Gone, "the terminal's shell has ended");

    private static Guid? ShellOf(UpgradeAccepted accepted) =>
        Guid.TryParse(accepted.Head.OnlyValue(LocalAgentRoutes.ShellHeader), out var shell) ? shell : null;

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
