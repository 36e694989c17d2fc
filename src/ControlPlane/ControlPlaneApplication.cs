using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using ControlPlane.Access;
using ControlPlane.Administration;
using ControlPlane.AgentMetadata;
using ControlPlane.AgentRpc;
using ControlPlane.Agents;
using ControlPlane.AgentViews;
using ControlPlane.Apps;
using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.ExternalAuth;
using ControlPlane.GitSshKeys;
using ControlPlane.Http;
using ControlPlane.InstanceIdentity;
using ControlPlane.Logs;
using ControlPlane.Machine;
using ControlPlane.Manifests;
using ControlPlane.Meta;
using ControlPlane.OpenApi;
using ControlPlane.Reinit;
using ControlPlane.Scripts;
using ControlPlane.Statistics;
using ControlPlane.Storage;
using ControlPlane.Terminals;
using ControlPlane.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;

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
    private const string ById = Agents + "/{" + OwnerAuthentication.RouteParameter + "}";

    // Scrapers give up after 10 s.
    private static readonly TimeSpan MetricsPatience = TimeSpan.FromSeconds(2);

    /// <summary>Adds what the API server consists of. A <see cref="TimeProvider"/> added before is used.</summary>
    public static IServiceCollection AddControlPlane(this IServiceCollection services, ControlPlaneOptions options)
    {
        // The framework's line for each request has the query string, where clients may put their tokens.
        services.AddLogging(static logging => logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning)).AddRouting();
        services.TryAddSingleton(TimeProvider.System);
        return services
            .AddSingleton(options)
            .AddSingleton(_ => new Database(DatabaseEngine.For(options)))
            .AddHosted<DatabaseHealth>()
            .AddHosted<ChangeNotices>()
            .AddSingleton<AccessSignals>()
            .AddHosted<OpenStreams>()
            .AddSingleton<Bootstrap>()
            .AddSingleton<ErrorBoundary>()
            .AddSingleton<MetaApi>()
            .AddSingleton<UserStore>()
            .AddSingleton<UserAuthentication>()
            .AddSingleton<UsersApi>()
            .AddSingleton<GitSshKeyStore>()
            .AddSingleton<GitSshKeyApi>()
            .AddSingleton<AgentStore>()
            .AddSingleton<AgentAuthentication>()
            .AddSingleton<OwnerAuthentication>()
            .AddSingleton<AgentViewApi>()
            .AddSingleton<LogStore>()
            .AddSingleton<LogSourceStore>()
            .AddSingleton<LogSignals>()
            .AddSingleton<SendLogsApi>()
            .AddSingleton<LogTails>()
            .AddSingleton<LogFollow>()
            .AddSingleton<AnswersByUser>()
            .AddSingleton<ReadLogsApi>()
            .AddSingleton(NewCoordinator)
            .AddSingleton<ICoordinator>(static services => services.GetRequiredService<InMemoryCoordinator>())
            .AddSingleton<AgentNodes>()
            .AddSingleton<DerpMaps>()
            .AddSingleton(static services => services.GetRequiredService<DerpMaps>().Publisher)
            .AddHosted<DerpMapSources>()
            .AddSingleton<ConnectionApi>()
            .AddSingleton<DeclarationStore>()
            .AddSingleton<AppReports>()
            .AddSingleton<AppsApi>()
            .AddSingleton<ScriptReports>()
            .AddSingleton<ManifestSource>()
            .AddSingleton<ManifestApi>()
            .AddSingleton<MetadataStore>()
            .AddSingleton<MetadataApi>()
            .AddSingleton<StateReports>()
            .AddSingleton<StateApi>()
            .AddSingleton<StatsStore>()
            .AddHosted<StatsBuffer>()
            .AddSingleton<StatsApi>()
            .AddSingleton<StatsMetrics>()
            .AddSingleton(static services => services.GetRequiredService<DerpMaps>().Relays)
            .AddSingleton<RelayProbe>()
            .AddHostedService<RelayProber>()
            .AddSingleton<ResumeTokenKeys>()
            .AddSingleton<TelemetryCounter>()
            .AddSingleton<WorkspaceWatch>()
            .AddSingleton<WorkspaceSignals>()
            .AddSingleton<TailnetSessions>()
            .AddSingleton<JsonSessions>()
            .AddSingleton<CoordinateApi>()
            .AddSingleton<DerpMapApi>()
            .AddSingleton<AgentReach>()
            .AddSingleton<ContainersApi>()
            .AddSingleton<ListeningPortsApi>()
            .AddSingleton<TerminalApi>()
            .AddSingleton<TerminalPage>()
            .AddSingleton<AgentConnectionStore>()
            .AddSingleton<AgentMonitor>()
            .AddSingleton<ManifestRpc>()
            .AddSingleton<StateRpc>()
            .AddSingleton<ReportsRpc>()
            .AddSingleton<LogsRpc>()
            .AddSingleton<AgentService>()
            .AddSingleton<RpcApi>()
            .AddSingleton<ExternalAuthProviders>()
            .AddSingleton<ExternalAuthSignals>()
            .AddSingleton<ExternalAuthStore>()
            .AddSingleton<ExternalAuthApi>()
            .AddSingleton<ReinitSignals>()
            .AddSingleton<ClaimStore>()
            .AddSingleton<ReinitApi>()
            .AddSingleton<InstanceBindingStore>()
            .AddSingleton<AwsIdentity>()
            .AddSingleton<AzureIdentity>()
            .AddSingleton<GoogleKeys>()
            .AddSingleton<GoogleIdentity>()
            .AddSingleton<InstanceIdentityApi>()
            .AddSingleton<ResourcesRpc>()
            .AddSingleton<SubAgentsRpc>()
            .AddSingleton<BoundaryCounter>()
            .AddSingleton<ContextRpc>()
            .AddSingleton<LaterAgentService>()
            .AddSingleton<UserAdministration>()
            .AddSingleton<TokenAdministration>()
            .AddSingleton<WorkspaceAdministration>()
            .AddSingleton<AgentAdministration>()
            .AddSingleton<ExternalAuthAdministration>()
            .AddSingleton<InstanceAdministration>()
            .AddSingleton<AdministrationServices>();
    }

    /// <summary>
    /// Reads the DERP map's sources, opens or makes the database, brings its schema up to date, and on the first start makes the user, its session token and one agent.
    /// Several processes may do so on one directory at once; one of them makes the user.
    /// </summary>
    /// <param name="services">The built host's services.</param>
    /// <param name="publish">Keeps the tokens for the operator. Called before they become valid; if it throws, nothing was made.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The tokens on the first start, otherwise null.</returns>
    /// <exception cref="ControlPlaneException">
    /// The database cannot be opened, is damaged, or a newer program has written it; or the DERP map cannot be made.
    /// </exception>
    public static async Task<BootstrapCredentials?> InitializeAsync(
        IServiceProvider services,
        Func<BootstrapCredentials, CancellationToken, Task> publish,
        CancellationToken cancellationToken)
    {
        await services.GetRequiredService<DerpMapSources>().LoadAsync(cancellationToken);
        var database = services.GetRequiredService<Database>();
        await database.CreateAsync();
        try
        {
            return await services.GetRequiredService<Bootstrap>().RunAsync(publish, cancellationToken);
        }
        catch (DbException exception)
        {
            throw new ControlPlaneException($"The database {database.Engine.Name} cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>Why requests of this API server would fail now, in a clause that names neither hosts nor paths; null while they are served.</summary>
    public static async Task<string?> FaultAsync(IServiceProvider services) =>
        (await services.GetRequiredService<DatabaseHealth>().CheckAsync()).Describe();

    /// <summary>Whether a session token is one of an active user.</summary>
    public static ValueTask<bool> AcceptsAsync(IServiceProvider services, string sessionToken) =>
        services.GetRequiredService<UserAuthentication>().AcceptsAsync(sessionToken);

    /// <summary>
    /// Reads what the metrics of this API server have from the database, for whoever reads the metrics next: that thread cannot wait.
    /// Where the read fails, the instruments say so. Where it takes longer than 2 s, they have what the read before has found: a scrape that
    /// tells the rest is worth most while the database is slow.
    /// </summary>
    /// <param name="services">Of a host; one without an API server has nothing to read.</param>
    /// <param name="cancellationToken">Waits no longer.</param>
    public static async Task RefreshMetricsAsync(IServiceProvider? services, CancellationToken cancellationToken)
    {
        if (services?.GetService<StatsMetrics>() is { } metrics)
        {
            await metrics.RefreshAsync().WaitAsync(MetricsPatience, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Maps every path of the host: the API, <c>/healthz</c>, and the JSON 404 for all others.</summary>
    public static void UseControlPlane(this WebApplication app)
    {
        app.Use(app.Services.GetRequiredService<ErrorBoundary>().InvokeAsync);
        app.UseWebSockets();
        app.Use(SameOrigin.InvokeAsync);
        app.UseRouting();
        app.Use(ExactPaths.InvokeAsync);

        // Nothing asks for it: it is asked when somebody reads the metrics.
        app.Services.GetRequiredService<StatsMetrics>();

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
        app.MapRoute(Api + "/openapi.json", HttpMethods.Get, ApiDocument.Serve(app, new ApiDescription(Api, "Agents API", AgentsOperations.All, AgentsWords.All)));

        var identity = app.Services.GetRequiredService<InstanceIdentityApi>();
        app.MapRoute(Agents + "/aws-instance-identity", HttpMethods.Post, identity.PostAwsAsync);
        app.MapRoute(Agents + "/azure-instance-identity", HttpMethods.Post, identity.PostAzureAsync);
        app.MapRoute(Agents + "/google-instance-identity", HttpMethods.Post, identity.PostGoogleAsync);
    }

    private static void MapAgentSide(WebApplication app)
    {
        var logs = app.Services.GetRequiredService<SendLogsApi>();
        MapAgent(app, "/gitsshkey", HttpMethods.Get, app.Services.GetRequiredService<GitSshKeyApi>().GetAsync);
        MapAgent(app, "/log-source", HttpMethods.Post, logs.PostLogSourceAsync);
        MapReport(app, "/logs", HttpMethods.Patch, logs.PatchLogsAsync);
        var externalAuth = app.Services.GetRequiredService<ExternalAuthApi>();
        MapAgent(app, "/external-auth", HttpMethods.Get, externalAuth.GetAsync);
        MapAgent(app, "/gitauth", HttpMethods.Get, externalAuth.GetAsync);
        MapAgent(app, "/reinit", HttpMethods.Get, app.Services.GetRequiredService<ReinitApi>().GetAsync);
        MapReport(app, "/startup-logs", HttpMethods.Patch, logs.PatchLogsAsync);

        var apps = app.Services.GetRequiredService<AppsApi>();
        MapAgent(app, "/app-health", HttpMethods.Post, apps.PostHealthAsync);
        MapAgent(app, "/app-status", HttpMethods.Patch, apps.PatchStatusAsync);

        var manifest = app.Services.GetRequiredService<ManifestApi>();
        var metadata = app.Services.GetRequiredService<MetadataApi>();
        MapAgent(app, "/manifest", HttpMethods.Get, manifest.GetAsync);
        MapAgent(app, "/metadata", (HttpMethods.Get, manifest.GetAsync), (HttpMethods.Post, metadata.PostAsync));
        MapAgent(app, "/metadata/{" + MetadataApi.KeyParameter + "}", HttpMethods.Post, metadata.PostKeyAsync);

        var state = app.Services.GetRequiredService<StateApi>();
        MapAgent(app, "/report-lifecycle", HttpMethods.Post, state.PostLifecycleAsync);
        MapReport(app, "/report-stats", HttpMethods.Post, app.Services.GetRequiredService<StatsApi>().PostAsync);
        MapAgent(app, "/startup", HttpMethods.Post, state.PostStartupAsync);
        MapAgent(app, "/coordinate", HttpMethods.Get, app.Services.GetRequiredService<JsonSessions>().ServeAgentAsync);
        MapAgent(app, "/rpc", HttpMethods.Get, app.Services.GetRequiredService<RpcApi>().ServeAsync);

        var authentication = app.Services.GetRequiredService<AgentAuthentication>();
        app.Map(Me + "/{**path}", authentication.Agent(static (context, _) => ApiRoutes.NotFound(context)));
    }

    private static void MapUserSide(WebApplication app)
    {
        var users = app.Services.GetRequiredService<UsersApi>();
        var authentication = app.Services.GetRequiredService<UserAuthentication>();
        app.MapRoute(Api + "/users/me", HttpMethods.Get, authentication.Session(users.GetMeAsync));

        var owners = app.Services.GetRequiredService<OwnerAuthentication>();
        var logs = app.Services.GetRequiredService<ReadLogsApi>();
        var coordination = app.Services.GetRequiredService<CoordinateApi>();
        app.MapRoute(Api + "/tailnet", HttpMethods.Get, authentication.Session(coordination.TailnetAsync));
        app.MapRoute(Api + "/derp-map", HttpMethods.Get, app.Services.GetRequiredService<DerpMapApi>().GetAsync);
        MapOwned(app, owners, "", app.Services.GetRequiredService<AgentViewApi>().GetAsync);
        var connection = app.Services.GetRequiredService<ConnectionApi>();
        app.MapRoute(Agents + "/connection", HttpMethods.Get, authentication.SessionOrProxy((context, _) => connection.GetAsync(context)));
        MapOwned(app, owners, "/connection", (context, _) => connection.GetAsync(context));
        MapOwned(app, owners, "/coordinate", coordination.CoordinateAsync);
        MapOwned(app, owners, "/logs", logs.GetAsync);
        MapOwned(app, owners, "/startup-logs", logs.GetAsync);
        MapMachine(app, owners);
        app.Map(ById + "/{**path}", owners.Owned(static (context, _) => ApiRoutes.NotFound(context)));
    }

    private static void MapMachine(WebApplication app, OwnerAuthentication owners)
    {
        var containers = app.Services.GetRequiredService<ContainersApi>();
        MapOwned(app, owners, "/containers", containers.GetAsync);
        MapOwned(app, owners, "/containers/watch", containers.WatchAsync);
        MapOwned(app, owners, "/containers/devcontainers/{devcontainer}/recreate", containers.RecreateAsync, HttpMethods.Post);
        MapOwned(app, owners, "/containers/devcontainers/container/{container}/recreate", containers.RecreateByContainerAsync, HttpMethods.Post);
        MapOwned(app, owners, "/listening-ports", app.Services.GetRequiredService<ListeningPortsApi>().GetAsync);

        // A terminal's refusals are its own: it answers for its credentials too.
        app.MapRoute(ById + "/pty", HttpMethods.Get, app.Services.GetRequiredService<TerminalApi>().GetAsync);

        var page = app.Services.GetRequiredService<TerminalPage>();
        app.Map("/terminal/{" + TerminalPage.RouteParameter + "}", ApiRoutes.OnlyMethods((HttpMethods.Get, page.GetAsync), (HttpMethods.Post, page.PostAsync)));
        app.MapRoute("/terminal/assets/{file}", HttpMethods.Get, TerminalPage.GetAssetAsync);
    }

    private static void MapAgent(WebApplication app, string path, string method, Func<HttpContext, Agent, Task> handler) =>
        MapAgent(app, path, (method, handler));

    private static void MapAgent(WebApplication app, string path, params (string Method, Func<HttpContext, Agent, Task> Handler)[] methods)
    {
        var authentication = app.Services.GetRequiredService<AgentAuthentication>();
        app.Map(Me + path, authentication.Agent(ApiRoutes.OnlyMethods<Agent>(methods)))
            .WithMethods(methods.Select(static one => one.Method));
    }

    private static void MapReport(WebApplication app, string path, string method, Func<HttpContext, Guid, Task> handler)
    {
        var authentication = app.Services.GetRequiredService<AgentAuthentication>();
        app.Map(Me + path, authentication.Reporter(ApiRoutes.OnlyMethods<Guid>((method, handler))))
            .WithMethods(method);
    }

    private static void MapOwned(WebApplication app, OwnerAuthentication owners, string path, Func<HttpContext, Agent, Task> handler, string method = "GET") =>
        app.Map(ById + path, owners.Owned(ApiRoutes.OnlyMethods<Agent>((method, handler))))
            .WithMethods(method);

    /// <summary>Closed once, when the host stops: its sessions end with it.</summary>
    private static InMemoryCoordinator NewCoordinator(IServiceProvider services)
    {
        var coordinator = new InMemoryCoordinator();
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(coordinator.Close);
        return coordinator;
    }

    /// <summary>One that the host starts and stops, and that others may ask for.</summary>
    private static IServiceCollection AddHosted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IHostedService => services.AddSingleton<T>().AddHostedService(static provider => provider.GetRequiredService<T>());
}
