using ControlPlane.AgentRpc;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.Http;
using ControlPlane.Logs;
using ControlPlane.Machine;
using ControlPlane.Meta;
using ControlPlane.Storage;
using ControlPlane.Terminals;
using ControlPlane.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Services;

namespace ControlPlane;

/// <summary>
/// The API server as a part of a host: <see cref="AddControlPlane"/> before the host is built, <see cref="UseControlPlane"/> on it, and
/// <see cref="InitializeAsync"/> before it starts to listen. Until then <c>/healthz</c> says 503. When the host stops, its
/// <c>ApplicationStopping</c> ends every WebSocket with close 1001.
/// </summary>
public static class ControlPlaneApplication
{
    private const string Api = "/api/v2";
    private const string Agents = Api + "/workspaceagents";
    private const string Me = Agents + "/me";
    private const string ById = Agents + "/{" + AgentsApi.RouteParameter + "}";

    /// <summary>Adds what the API server consists of. A <see cref="TimeProvider"/> added before is used.</summary>
    public static IServiceCollection AddControlPlane(this IServiceCollection services, ControlPlaneOptions options)
    {
        // The framework's line for each request has the query string, where clients may put their tokens.
        services.AddLogging(static logging => logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning)).AddRouting();
        services.TryAddSingleton(TimeProvider.System);
        return services
            .AddSingleton(options)
            .AddSingleton<Database>()
            .AddSingleton<Bootstrap>()
            .AddSingleton<ErrorBoundary>()
            .AddSingleton<MetaApi>()
            .AddSingleton<UserStore>()
            .AddSingleton<UserAuthentication>()
            .AddSingleton<UsersApi>()
            .AddSingleton<GitSshKeyStore>()
            .AddSingleton<AgentStore>()
            .AddSingleton<AgentAuthentication>()
            .AddSingleton<AgentsApi>()
            .AddSingleton<LogStore>()
            .AddSingleton<LogSourceStore>()
            .AddSingleton<LogSignals>()
            .AddSingleton<SendLogsApi>()
            .AddSingleton<LogFollow>()
            .AddSingleton<ReadLogsApi>()
            .AddSingleton(static services => new InMemoryCoordinator())
            .AddSingleton(static services => DerpMaps.Create(
                services.GetRequiredService<ControlPlaneOptions>(), services.GetRequiredService<ILogger<DerpMapPublisher>>()))
            .AddSingleton<ResumeTokenKeys>()
            .AddSingleton<TelemetryCounter>()
            .AddSingleton<WorkspaceWatch>()
            .AddSingleton<TailnetSessions>()
            .AddSingleton<CoordinateApi>()
            .AddSingleton<DerpMapApi>()
            .AddSingleton<AgentReach>()
            .AddSingleton<ContainersApi>()
            .AddSingleton<ListeningPortsApi>()
            .AddSingleton<TerminalApi>()
            .AddSingleton<AgentConnectionStore>()
            .AddSingleton<AgentMonitor>()
            .AddSingleton<ManifestRpc>()
            .AddSingleton<StateRpc>()
            .AddSingleton<ReportsRpc>()
            .AddSingleton<LogsRpc>()
            .AddSingleton<AgentService>()
            .AddSingleton<RpcApi>();
    }

    /// <summary>
    /// Opens or makes <c>edge.db</c>, brings its schema up to date, and on the first start makes the user, its session token and one agent.
    /// Several processes may do so on one directory at once; one of them makes the user.
    /// </summary>
    /// <param name="services">The built host's services.</param>
    /// <param name="publish">Keeps the tokens for the operator. Called before they become valid; if it throws, nothing was made.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The tokens on the first start, otherwise null.</returns>
    /// <exception cref="ControlPlaneException">The database cannot be opened, or a newer program has written it.</exception>
    public static Task<BootstrapCredentials?> InitializeAsync(
        IServiceProvider services,
        Func<BootstrapCredentials, CancellationToken, Task> publish,
        CancellationToken cancellationToken)
    {
        services.GetRequiredService<Database>().Create();
        return services.GetRequiredService<Bootstrap>().RunAsync(publish, cancellationToken);
    }

    /// <summary>Maps every path of the host: the API, <c>/healthz</c>, and the JSON 404 for all others.</summary>
    public static void UseControlPlane(this WebApplication app)
    {
        app.UseMiddleware<ErrorBoundary>();
        app.UseWebSockets();
        app.UseRouting();
        app.Use(ExactPaths.InvokeAsync);

        MapPublic(app);
        MapAgentSide(app);
        MapUserSide(app);
        app.Map("{**path}", ApiRoutes.NotFound);
    }

    private static void MapPublic(WebApplication app)
    {
        var meta = app.Services.GetRequiredService<MetaApi>();
        app.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], meta.GetHealthAsync);
        app.MapRoute(Api + "/", HttpMethods.Get, MetaApi.GreetAsync);
        app.MapRoute(Api + "/buildinfo", HttpMethods.Get, meta.GetBuildInfoAsync);

        // These are no agent ids: without them the route by id would ask for a session.
        foreach (var name in (string[])["connection", "aws-instance-identity", "azure-instance-identity", "google-instance-identity"])
        {
            app.Map($"{Agents}/{name}", ApiRoutes.NotFound);
        }
    }

    private static void MapAgentSide(WebApplication app)
    {
        var agents = app.Services.GetRequiredService<AgentsApi>();
        var logs = app.Services.GetRequiredService<SendLogsApi>();
        MapAgent(app, "/gitsshkey", HttpMethods.Get, agents.GetGitSshKeyAsync);
        MapAgent(app, "/log-source", HttpMethods.Post, logs.PostLogSourceAsync);
        MapAgent(app, "/logs", HttpMethods.Patch, logs.PatchLogsAsync);
        MapAgent(app, "/rpc", HttpMethods.Get, app.Services.GetRequiredService<RpcApi>().ServeAsync);

        var authentication = app.Services.GetRequiredService<AgentAuthentication>();
        app.Map(Me + "/{**path}", authentication.Agent(static (context, _) => ApiRoutes.NotFound(context)));
    }

    private static void MapUserSide(WebApplication app)
    {
        var users = app.Services.GetRequiredService<UsersApi>();
        var authentication = app.Services.GetRequiredService<UserAuthentication>();
        app.MapRoute(Api + "/users/me", HttpMethods.Get, authentication.Session(users.GetMeAsync));

        var agents = app.Services.GetRequiredService<AgentsApi>();
        var logs = app.Services.GetRequiredService<ReadLogsApi>();
        var coordination = app.Services.GetRequiredService<CoordinateApi>();
        app.MapRoute(Api + "/tailnet", HttpMethods.Get, authentication.Session(coordination.TailnetAsync));
        app.MapRoute(Api + "/derp-map", HttpMethods.Get, app.Services.GetRequiredService<DerpMapApi>().GetAsync);
        MapOwned(app, agents, "", agents.GetAsync);
        MapOwned(app, agents, "/coordinate", coordination.CoordinateAsync);
        MapOwned(app, agents, "/logs", logs.GetAsync);
        MapOwned(app, agents, "/startup-logs", logs.GetAsync);
        MapMachine(app, agents);
        app.Map(ById + "/{**path}", agents.Owned(static (context, _) => ApiRoutes.NotFound(context)));
    }

    private static void MapMachine(WebApplication app, AgentsApi agents)
    {
        var containers = app.Services.GetRequiredService<ContainersApi>();
        MapOwned(app, agents, "/containers", containers.GetAsync);
        MapOwned(app, agents, "/containers/watch", containers.WatchAsync);
        MapOwned(app, agents, "/containers/devcontainers/{devcontainer}/recreate", containers.RecreateAsync, HttpMethods.Post);
        MapOwned(app, agents, "/containers/devcontainers/container/{container}/recreate", containers.RecreateByContainerAsync, HttpMethods.Post);
        MapOwned(app, agents, "/listening-ports", app.Services.GetRequiredService<ListeningPortsApi>().GetAsync);

        // A terminal's refusals are its own: it answers for its credentials too.
        app.MapRoute(ById + "/pty", HttpMethods.Get, app.Services.GetRequiredService<TerminalApi>().GetAsync);
    }

    private static void MapAgent(WebApplication app, string path, string method, Func<HttpContext, Agent, Task> handler)
    {
        var authentication = app.Services.GetRequiredService<AgentAuthentication>();
        app.Map(Me + path, authentication.Agent((context, agent) => ApiRoutes.OnlyMethod(method, inner => handler(inner, agent))(context)));
    }

    private static void MapOwned(WebApplication app, AgentsApi agents, string path, Func<HttpContext, Agent, Task> handler, string method = "GET") =>
        app.Map(ById + path, agents.Owned((context, agent) => ApiRoutes.OnlyMethod(method, inner => handler(inner, agent))(context)));
}
