using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Agents;

/// <summary>Stores what agents say of their own state, for REST and rpc alike.</summary>
internal sealed partial class StateReports(Database database, TimeProvider time)
{
    private const int MaxVersionCharacters = 128;
    private const int MaxPathCharacters = 4096;

    public static IReadOnlyList<string> Lifecycles { get; } =
    [
        "created", "starting", "start_timeout", "start_error", "ready", "shutting_down", "shutdown_timeout", "shutdown_error", "off",
    ];

    public static IReadOnlyList<string> Subsystems { get; } = ["envbox", "envbuilder", "exectrace"];

    /// <summary>The agent has come to a state.</summary>
    /// <param name="agentId">Whose state it is.</param>
    /// <param name="state">One of <see cref="Lifecycles"/>.</param>
    /// <param name="changedAt">Since when; null: now.</param>
    /// <param name="cancellationToken">Stops waiting for other writers.</param>
    public Task<int> SetLifecycleAsync(Guid agentId, string state, DateTimeOffset? changedAt, CancellationToken cancellationToken)
    {
        // An agent that starts again is not ready any more; one whose start was not seen has started when it became ready.
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

    /// <summary>The agent has started. Null, or why nothing was stored.</summary>
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

/// <summary>What an agent says when it has started.</summary>
/// <param name="Version">The agent's own, a semantic version with a leading <c>v</c>.</param>
/// <param name="ApiVersion">The API that it speaks.</param>
/// <param name="ExpandedDirectory">Its working directory, with variables filled in.</param>
/// <param name="Subsystems">Of <see cref="StateReports.Subsystems"/>; the words may be wrong.</param>
internal sealed record AgentStartup(string Version, string ApiVersion, string ExpandedDirectory, IReadOnlyList<string> Subsystems);

/// <summary>What of a start was refused.</summary>
internal enum StartupRefusal
{
    /// <summary>The version is no semantic version.</summary>
    Version,

    /// <summary>The directory is too long.</summary>
    Directory,

    /// <summary>A subsystem is not known.</summary>
    Subsystem,
}
