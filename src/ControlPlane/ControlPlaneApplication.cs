using System.Data.Common;
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
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace ControlPlane;

/// <summary>
/// The API server as a part of a host: <see cref="AddControlPlane"/> before the host is built, <see cref="UseControlPlane"/> on it, and
/// <see cref="InitializeAsync"/> before it starts to listen. Until then <c>/healthz</c> says 503. When the host stops, its
/// <c>ApplicationStopping</c> ends every WebSocket with close 1001.
/// </summary>
public static class ControlPlaneApplication
{
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
            .AddSingleton<Bootstrap>()
            .AddStorage(options)
            .AddHttp()
            .AddOpenStreams()
            .AddMeta()
            .AddUsers()
            .AddGitSshKeys()
            .AddAgents()
            .AddAgentConnections()
            .AddAgentViews()
            .AddDeclarations()
            .AddManifests()
            .AddMetadata()
            .AddApps()
            .AddScripts()
            .AddLogs()
            .AddStatistics()
            .AddCoordination()
            .AddAgentRpc()
            .AddMachine()
            .AddTerminals()
            .AddExternalAuth()
            .AddReinit()
            .AddInstanceIdentity()
            .AddAdministration();
    }

    /// <summary>
    /// Reads the DERP map's sources, opens or makes the database, brings its schema up to date, and on the first start makes the user, its
    /// session token and one agent. Several processes may do so on one directory at once; one of them makes the user.
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

        app.MapMeta();
        app.MapAgentsDocument();
        app.MapUsers();
        app.MapGitSshKeys();
        app.MapAgents();
        app.MapAgentViews();
        app.MapManifests();
        app.MapMetadata();
        app.MapApps();
        app.MapLogs();
        app.MapStatistics();
        app.MapCoordination();
        app.MapAgentRpc();
        app.MapMachine();
        app.MapTerminals();
        app.MapExternalAuth();
        app.MapReinit();
        app.MapInstanceIdentity();
        app.Map("{**path}", ApiRoutes.NotFound);
    }
}
