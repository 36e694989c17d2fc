using System.Globalization;
using LocalAgent.Machine;
using LocalAgent.Terminals;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace LocalAgent;

/// <summary>
/// The agent's host: HTTP/1.1 and WebSockets on a Unix socket. There is no authentication: the permissions of the socket's
/// directory decide who may connect.
/// </summary>
public static class AgentHost
{
    // The command of a terminal is in the request line.
    private const int MaxRequestLine = 64 * 1024;

    private static readonly TimeSpan IdleCheckInterval = TimeSpan.FromSeconds(15);

    /// <summary>Builds the host. The caller starts, stops and disposes it; disposing it ends the shells.</summary>
    /// <param name="builder">A builder with a clock, logging and the transport of Kestrel. This method adds the other services.</param>
    /// <param name="socket">The path of the Unix socket.</param>
    /// <param name="options">The limits of the terminals.</param>
    /// <param name="beginStream">
    /// Called after the WebSocket upgrade of a terminal, and disposed at its end. The program can move the connection to
    /// another thread in between.
    /// </param>
    /// <param name="stop">Called for a request of <see cref="LocalAgentRoutes.Stop"/>.</param>
    public static WebApplication Create(
        WebApplicationBuilder builder,
        string socket,
        TerminalOptions options,
        Func<HttpContext, IDisposable?> beginStream,
        Action stop)
    {
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = MaxRequestLine;
            kestrel.ListenUnixSocket(socket);
        });
        builder.Services.AddRoutingCore();
        builder.Services
            .AddSingleton(options)
            .AddSingleton<TerminalSessions>()
            .AddSingleton(new ContainerTools())
            .AddSingleton<ContainerService>()
            .AddSingleton<AgentActivity>();
        var app = builder.Build();
        app.UseWebSockets();
        app.UseRouting();
        app.Use(InvokeAsync);
        Map(app, beginStream, stop);
        return app;
    }

    /// <summary>
    /// Completes when the agent is not needed any more: no request and no terminal for <paramref name="idleTimeout"/> (zero: no limit),
    /// or the socket's file is gone, so that no client can connect. The check runs every 15 s.
    /// </summary>
    /// <param name="app">The host that <see cref="Create"/> has built.</param>
    /// <param name="socket">The path of the Unix socket.</param>
    /// <param name="idleTimeout">The longest time without requests and terminals.</param>
    public static async Task WaitUntilUnneededAsync(WebApplication app, string socket, TimeSpan idleTimeout)
    {
        var activity = app.Services.GetRequiredService<AgentActivity>();
        using var timer = new PeriodicTimer(IdleCheckInterval, app.Services.GetRequiredService<TimeProvider>());
        do
        {
            await timer.WaitForNextTickAsync();
        }
        while (File.Exists(socket) && (idleTimeout == TimeSpan.Zero || activity.Idle < idleTimeout));
    }

    private static void Map(WebApplication app, Func<HttpContext, IDisposable?> beginStream, Action stop)
    {
        var containers = app.Services.GetRequiredService<ContainerService>();
        var terminals = app.Services.GetRequiredService<TerminalSessions>();
        var stopping = app.Lifetime.ApplicationStopping;
        app.Map(LocalAgentRoutes.Stop, _ =>
        {
            stop();
            return Task.CompletedTask;
        });
        app.Map(LocalAgentRoutes.Ports, static context => context.Response.WriteAsJsonAsync(
            ListeningPortReader.Read(), AgentJson.Default.IReadOnlyListListeningPort, cancellationToken: context.RequestAborted));
        app.Map(LocalAgentRoutes.Containers, async context => await context.Response.WriteAsJsonAsync(
            await containers.ListAsync(context.RequestAborted),
            AgentJson.Default.AgentContainers,
            cancellationToken: context.RequestAborted));
        app.Map(LocalAgentRoutes.RecreateContainer, context => RecreateAsync(context, containers, isContainer: true));
        app.Map(LocalAgentRoutes.RecreateDevcontainer, context => RecreateAsync(context, containers, isContainer: false));
        app.Map(LocalAgentRoutes.Terminal, context => AttachAsync(context, terminals, beginStream, stopping));
    }

    /// <summary>Counts the running requests, and answers a refusal with its status and text.</summary>
    private static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        using var busy = context.RequestServices.GetRequiredService<AgentActivity>().Begin();
        try
        {
            await next(context);
        }
        catch (RefusalException refusal) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = refusal.Status;
            context.Response.Headers[LocalAgentRoutes.RefusalHeader] = refusal.Message;
            await context.Response.WriteAsJsonAsync(new AgentNotice(refusal.Message, refusal.Detail), AgentJson.Default.AgentNotice);
        }
    }

    private static async Task RecreateAsync(HttpContext context, ContainerService containers, bool isContainer)
    {
        var key = context.Request.Query["key"].ToString();
        var notice = await containers.RecreateAsync(key, isContainer, context.RequestAborted);
        await context.Response.WriteAsJsonAsync(notice, AgentJson.Default.AgentNotice, cancellationToken: context.RequestAborted);
    }

    private static async Task AttachAsync(
        HttpContext context,
        TerminalSessions terminals,
        Func<HttpContext, IDisposable?> beginStream,
        CancellationToken stopping)
    {
        var query = context.Request.Query;
        if (!context.WebSockets.IsWebSocketRequest
            || !Guid.TryParse(query["id"], out var id)
            || !ushort.TryParse(query["height"], NumberStyles.None, CultureInfo.InvariantCulture, out var height)
            || !ushort.TryParse(query["width"], NumberStyles.None, CultureInfo.InvariantCulture, out var width))
        {
            throw NotATerminalRequest();
        }

        Guid? shell = query["shell"] is [{ } text, ..] ? Guid.TryParse(text, out var parsed) ? parsed : throw NotATerminalRequest() : null;
        using var attachment = terminals.Attach(new TerminalRequest(id, height, width, query["command"].ToString(), shell));
        context.Response.Headers[LocalAgentRoutes.ShellHeader] = attachment.Shell.ToString("D");
        using var socket = await context.WebSockets.AcceptWebSocketAsync(
            new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        await AttachmentSocket.RunAsync(socket, attachment, beginStream(context), stopping);

        static RefusalException NotATerminalRequest() => new(StatusCodes.Status400BadRequest, "not a request for a terminal");
    }
}
