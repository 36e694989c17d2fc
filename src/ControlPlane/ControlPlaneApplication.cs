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
using ControlPlane.Dialing;
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
/// The API server as a part of a host. The host calls <see cref="AddControlPlane"/> before it is built, <see cref="UseControlPlane"/>
/// after that, and <see cref="InitializeAsync"/> before it listens. Until then <c>/healthz</c> answers 503. When the host stops, its
/// <c>ApplicationStopping</c> closes every WebSocket with 1001.
/// </summary>
public static class ControlPlaneApplication
{
    // Prometheus ends a scrape after 10 s.
    private static readonly TimeSpan MetricsTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Adds the services of the API server. A <see cref="TimeProvider"/> that was added before stays.</summary>
    public static IServiceCollection AddControlPlane(this IServiceCollection services, ControlPlaneOptions options)
    {
        // The framework's request log contains the query string, where clients may put their tokens.
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
            .AddDialing()
            .AddTerminals()
            .AddExternalAuth()
            .AddReinit()
            .AddInstanceIdentity()
            .AddAdministration();
    }

    /// <summary>
    /// Reads the DERP map's sources, opens or creates the database, and migrates its schema. The first start also creates the user, its
    /// session token and one agent. Several processes may start on one directory at the same time: one of them creates the user.
    /// </summary>
    /// <param name="services">The built host's services.</param>
    /// <param name="publish">Stores the tokens for the operator, before they become valid. Nothing is created if it throws.</param>
    /// <param name="cancellationToken">Cancels the initialization.</param>
    /// <returns>The tokens on the first start, otherwise null.</returns>
    /// <exception cref="ControlPlaneException">
    /// The database cannot be opened, is damaged, or was written by a newer version; or the DERP map cannot be built.
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

    /// <summary>
    /// The reason why requests to this API server fail at present, in a clause without host names and paths; null while it serves them.
    /// </summary>
    public static async Task<string?> FaultAsync(IServiceProvider services) =>
        (await services.GetRequiredService<DatabaseHealth>().CheckAsync()).Describe();

    /// <summary>Whether a session token is valid, and its user active.</summary>
    public static ValueTask<bool> AcceptsAsync(IServiceProvider services, string sessionToken) =>
        services.GetRequiredService<UserAuthentication>().AcceptsAsync(sessionToken);

    /// <summary>
    /// Reads from the database the values of this API server's metrics, before a scrape: the callbacks of instruments cannot wait. If the
    /// read fails, an instrument reports it. If it takes longer than 2 s, the scrape gets the previous values: a scrape is needed most
    /// while the database is slow.
    /// </summary>
    /// <param name="services">A host's services; nothing happens if the host has no API server.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task RefreshMetricsAsync(IServiceProvider? services, CancellationToken cancellationToken)
    {
        if (services?.GetService<StatsMetrics>() is { } metrics)
        {
            await metrics.RefreshAsync()
                .WaitAsync(MetricsTimeout, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Maps every path of the host: the API, <c>/healthz</c>, and a JSON 404 for all others.</summary>
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
        app.MapDialing();
        app.MapTerminals();
        app.MapExternalAuth();
        app.MapReinit();
        app.MapInstanceIdentity();
        app.Map("{**path}", ApiRoutes.NotFound);
    }
}
