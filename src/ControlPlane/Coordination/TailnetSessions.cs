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
/// Serves dRPC over yamux over a WebSocket (tailnet.md §3.2). When the host stops, the coordinator is closed: the peers first get the
/// message that the other peers are lost, then the WebSocket is closed with 1001.
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
    // The rpc layer reads the streams, and never blocks: it hands requests on to other threads.
    private static readonly YamuxOptions Inline = new() { RunsInline = true };

    /// <summary>Serves the session until either side ends it. Does not throw.</summary>
    /// <param name="context">The request.</param>
    /// <param name="socket">The request's WebSocket, which the caller disposes.</param>
    /// <param name="caller">The identity of the client or agent.</param>
    /// <param name="parts">Adds parts of the tailnet service to the coordinator and the DERP maps.</param>
    /// <param name="router">The router with other services of the session.</param>
    /// <param name="monitor">Runs beside the session until its token is cancelled. It may close the session, and must not throw.</param>
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
            await Task.WhenAny(running, peers.WhenDisposed(), Task.Delay(options.WebSocketCloseTimeout, time, ended.Token));
            session.Close();
        }

        // The yield leaves the connection's I/O thread. Each rpc ends with its stream, after it has read what has arrived: the last message
        // may be a disconnect.
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
