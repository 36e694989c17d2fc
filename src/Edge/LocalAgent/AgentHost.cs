using System.Globalization;
using ControlPlane.Connections;
using Edge.Hosting;
using Edge.Listeners;
using Edge.LocalAgent.Machine;
using Edge.LocalAgent.Terminals;
using Edge.Settings;

namespace Edge.LocalAgent;

/// <summary>The agent's own host: HTTP and WebSockets on a Unix socket in the data directory. Who can enter the directory is trusted.</summary>
internal static class AgentHost
{
    // A terminal's command is in the request line.
    private const int MaxRequestLine = 64 * 1024;

    /// <summary>Made, not started.</summary>
    public static WebApplication Create(HostFactory hosts, DataDirectory data, TerminalOptions options, Action stop)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = MaxRequestLine;
            kestrel.ListenUnixSocket(data.AgentSocket);
        });

        // The edge's own sockets: terminals go on where their bytes arrive.
        builder.Services.AddSocketListeners(DescriptorReserve.Own);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(options).AddSingleton<TerminalSessions>().AddSingleton(new ContainerTools()).AddSingleton<ContainerService>().AddSingleton<AgentActivity>();
        var app = builder.Build();
        app.UseWebSockets();
        app.UseRouting();
        app.Use(InvokeAsync);
        Map(app, stop);
        return app;
    }

    private static void Map(WebApplication app, Action stop)
    {
        var containers = app.Services.GetRequiredService<ContainerService>();
        var terminals = app.Services.GetRequiredService<TerminalSessions>();
        var stopping = app.Lifetime.ApplicationStopping;
        app.Map(LocalAgentRoutes.Stop, _ =>
        {
            stop();
            return Task.CompletedTask;
        });
        app.Map(LocalAgentRoutes.Ports, static context =>
            context.Response.WriteAsJsonAsync(ListeningPortReader.Read(), LocalAgentJson.Default.IReadOnlyListListeningPort, cancellationToken: context.RequestAborted));
        app.Map(LocalAgentRoutes.Containers, async context =>
            await context.Response.WriteAsJsonAsync(await containers.ListAsync(context.RequestAborted), LocalAgentJson.Default.AgentContainers, cancellationToken: context.RequestAborted));
        app.Map(LocalAgentRoutes.RecreateContainer, context => RecreateAsync(context, containers, isContainer: true));
        app.Map(LocalAgentRoutes.RecreateDevcontainer, context => RecreateAsync(context, containers, isContainer: false));
        app.Map(LocalAgentRoutes.Terminal, context => AttachAsync(context, terminals, stopping));
    }

    /// <summary>Counts what runs, and turns refusals into answers.</summary>
    private static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        using var busy = context.RequestServices.GetRequiredService<AgentActivity>().Begin();
        try
        {
            await next(context);
        }
        catch (AgentConnectionException exception) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = exception.Status ?? StatusCodes.Status500InternalServerError;
            context.Response.Headers[LocalAgentRoutes.RefusalHeader] = exception.Message;
            await context.Response.WriteAsJsonAsync(new AgentNotice(exception.Message, exception.Detail), LocalAgentJson.Default.AgentNotice);
        }
    }

    private static async Task RecreateAsync(HttpContext context, ContainerService containers, bool isContainer)
    {
        var notice = await containers.RecreateAsync(context.Request.Query["key"].ToString(), isContainer, context.RequestAborted);
        await context.Response.WriteAsJsonAsync(notice, LocalAgentJson.Default.AgentNotice, cancellationToken: context.RequestAborted);
    }

    private static async Task AttachAsync(HttpContext context, TerminalSessions terminals, CancellationToken stopping)
    {
        var query = context.Request.Query;
        if (!context.WebSockets.IsWebSocketRequest
            || !Guid.TryParse(query["id"], out var id)
            || !ushort.TryParse(query["height"], NumberStyles.None, CultureInfo.InvariantCulture, out var height)
            || !ushort.TryParse(query["width"], NumberStyles.None, CultureInfo.InvariantCulture, out var width))
        {
            throw NoRequest();
        }

        Guid? shell = query["shell"] is [{ } text, ..] ? Guid.TryParse(text, out var parsed) ? parsed : throw NoRequest() : null;
        using var attachment = terminals.Attach(new TerminalRequest(id, height, width, query["command"].ToString(), shell));
        context.Response.Headers[LocalAgentRoutes.ShellHeader] = attachment.Shell.ToString("D");
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        await AttachmentSocket.RunAsync(socket, attachment, context.Features.Get<IStreamThreadFeature>(), stopping);

        static AgentConnectionException NoRequest() => new(StatusCodes.Status400BadRequest, "not a request for a terminal");
    }
}
