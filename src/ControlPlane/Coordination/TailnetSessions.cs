using System.Net.WebSockets;
using ControlPlane.Connections;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Services;
using Tailnet.Yamux;

namespace ControlPlane.Coordination;

/// <summary>
/// Serves rpcs on an upgraded socket: WebSocket, yamux, dRPC (tailnet.md §3.2). When the host stops, the coordinator's owner closes it: the peers
/// first hear that the others are lost, then the socket ends with close 1001.
/// </summary>
internal sealed class TailnetSessions(
    ICoordinator coordinator,
    DerpMapPublisher derpMaps,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    Database database,
    ILogger<TailnetSessions> logger)
{
    // What reads here is the rpc layer, which hands requests on and never blocks.
    private static readonly YamuxOptions Inline = new() { RunsInline = true };

    /// <summary>Serves until either side ends it; does not throw.</summary>
    /// <param name="context">The request.</param>
    /// <param name="socket">Its socket; the caller disposes it.</param>
    /// <param name="caller">Who is at the other end.</param>
    /// <param name="parts">Completes the tailnet service's parts beyond the coordinator and the maps.</param>
    /// <param name="router">Holds what else is served on the session.</param>
    /// <param name="monitor">Runs beside the session until its token is cancelled; may close the session. Must not throw.</param>
    public async Task RunAsync(
        HttpContext context,
        WebSocket socket,
        TailnetCaller caller,
        Func<TailnetParts, TailnetParts>? parts = null,
        DrpcRouter? router = null,
        Func<YamuxSession, CancellationToken, Task>? monitor = null)
    {
        var peers = new SessionPeers(coordinator);
        var basic = new TailnetParts { Coordinator = peers, DerpMaps = derpMaps };
        var service = new TailnetService(parts?.Invoke(basic) ?? basic);
        var server = new DrpcServer(service.AddTo(router ?? new DrpcRouter(), caller), logger: logger, isKnown: database.IsOutage);

        var threads = context.Features.Get<IStreamThreadFeature>();
        threads?.Begin();
        var pipe = new SocketPipe(socket, options, time);
        using var session = new YamuxSession(pipe, YamuxRole.Acceptor, Inline, time, logger);
        using var ended = new CancellationTokenSource();
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStopping.Register(stopping.SetResult);

        var running = session.RunAsync(CancellationToken.None);
        var serving = server.ServeAsync(session, ended.Token);
        var monitoring = monitor?.Invoke(session, ended.Token) ?? Task.CompletedTask;
        if (await Task.WhenAny(running, stopping.Task) != running)
        {
            await Task.WhenAny(running, peers.WhenOver(), Task.Delay(options.WebSocketCloseTimeout, time, ended.Token));
            session.Close();
        }

        // Whatever ended it may be the thread where bytes arrive. Each rpc ends with its stream, after what had come on it: a goodbye may be the last.
        await running.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        threads?.End();
        await serving;
        await ended.CancelAsync();
        await monitoring;
        var (status, reason) = stopping.Task.IsCompleted
            ? (WebSocketCloseStatus.EndpointUnavailable, "server is shutting down")
            : (WebSocketCloseStatus.NormalClosure, "");
        await pipe.FinishAsync(status, reason);
    }
}
