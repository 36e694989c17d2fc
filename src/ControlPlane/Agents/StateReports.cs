using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Agents;

/// <summary>Stores the state reports of agents, for the REST routes and the rpcs.</summary>
internal sealed partial class StateReports(Database database, TimeProvider time)
{
    private const int MaxVersionCharacters = 128;
    private const int MaxPathCharacters = 4096;

    public static IReadOnlyList<string> Lifecycles { get; } =
    [
        "created", "starting", "start_timeout", "start_error", "ready", "shutting_down", "shutdown_timeout", "shutdown_error", "off",
    ];

    public static IReadOnlyList<string> Subsystems { get; } = ["envbox", "envbuilder", "exectrace"];

    /// <summary>Stores the agent's lifecycle state.</summary>
    /// <param name="agentId">The agent's id.</param>
    /// <param name="state">One of <see cref="Lifecycles"/>.</param>
    /// <param name="changedAt">The time of the change; null: now.</param>
    /// <param name="cancellationToken">Ends the wait for the write lock.</param>
    public Task<int> SetLifecycleAsync(Guid agentId, string state, DateTimeOffset? changedAt, CancellationToken cancellationToken)
    {
        // A restart clears ready_at. Without a report of the start, started_at is the time at which the agent became ready.
        var times = state switch
        {
            "starting" => ", started_at = @changed, ready_at = NULL",
            "ready" or "start_timeout" or "start_error" => ", started_at = coalesce(started_at, @changed), ready_at = @changed",
            _ => "",
        };
        return database.WriteAsync(
            connection => connection.Execute(
                $"UPDATE workspace_agents SET lifecycle_state = @state{times} WHERE id = @id",
                ("@id", agentId),
                ("@state", state),
                ("@changed", changedAt ?? time.GetUtcNow())),
            cancellationToken);
    }

    /// <summary>Stores the report of an agent's start.</summary>
    /// <returns>Null, or the reason why nothing was stored.</returns>
    public async Task<StartupRefusal?> SetStartupAsync(Guid agentId, AgentStartup startup, CancellationToken cancellationToken)
    {
        if (startup.Version.Length > MaxVersionCharacters || !SemanticVersion().IsMatch(startup.Version))
        {
            return StartupRefusal.Version;
        }

        if (startup.ExpandedDirectory.Length > MaxPathCharacters)
        {
            return StartupRefusal.Directory;
        }

        if (startup.Subsystems.Any(static name => !Subsystems.Contains(name)))
        {
            return StartupRefusal.Subsystem;
        }

        var subsystems = startup.Subsystems.Distinct().Order(StringComparer.Ordinal).ToArray();
        await database.WriteAsync(
            connection => connection.Execute(
                """
                UPDATE workspace_agents
                SET version = @version, api_version = @api, expanded_directory = @directory, subsystems = @subsystems WHERE id = @id
                """,
                ("@id", agentId),
                ("@version", startup.Version),
                ("@api", startup.ApiVersion),
                ("@directory", StoredText.Sanitise(startup.ExpandedDirectory)),
                ("@subsystems", JsonSerializer.Serialize(subsystems, ApiJson.Wire.StringArray))),
            cancellationToken);
        return null;
    }

    [GeneratedRegex(@"\Av[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex SemanticVersion();
}

/// <summary>The report of an agent's start.</summary>
/// <param name="Version">The agent's semantic version, with a leading <c>v</c>.</param>
/// <param name="ApiVersion">The version of the agent API that the agent uses.</param>
/// <param name="ExpandedDirectory">The working directory, with variables expanded.</param>
/// <param name="Subsystems">Values of <see cref="StateReports.Subsystems"/>, not validated yet.</param>
internal sealed record AgentStartup(string Version, string ApiVersion, string ExpandedDirectory, IReadOnlyList<string> Subsystems);

/// <summary>The reason why a report of a start was refused.</summary>
internal enum StartupRefusal
{
    /// <summary>The version is not a semantic version.</summary>
    Version,

    /// <summary>The directory is too long.</summary>
    Directory,

    /// <summary>A subsystem is unknown.</summary>
    Subsystem,
}
