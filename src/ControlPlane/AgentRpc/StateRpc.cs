using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Http;
using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>What an agent says of its own state.</summary>
internal sealed partial class StateRpc(Database database, TimeProvider time)
{
    private const int MaxVersionCharacters = 128;
    private const int MaxPathCharacters = 4096;

    public async ValueTask<Lifecycle> UpdateLifecycleAsync(Guid agent, UpdateLifecycleRequest request, CancellationToken cancellationToken)
    {
        var lifecycle = request.Lifecycle ?? throw new DrpcException(0, "lifecycle is missing");
        var name = NameOf(lifecycle.State) ?? throw new DrpcException(0, $"unknown lifecycle state: {(int)lifecycle.State}");
        var changedAt = Timestamps.Read(lifecycle.ChangedAt) ?? time.GetUtcNow();

        // An agent that starts again is not ready any more; one whose start was not seen has started when it became ready.
        var times = lifecycle.State switch
        {
            Lifecycle.Types.State.Starting => ", started_at = $changed, ready_at = NULL",
            Lifecycle.Types.State.Ready or Lifecycle.Types.State.StartTimeout or Lifecycle.Types.State.StartError =>
                ", started_at = coalesce(started_at, $changed), ready_at = $changed",
            _ => "",
        };
        await database.WriteAsync(
            connection => connection.Execute(
                $"UPDATE workspace_agents SET lifecycle_state = $state{times} WHERE id = $id",
                ("$id", agent),
                ("$state", name),
                ("$changed", changedAt)),
            cancellationToken);
        return lifecycle;
    }

    public async ValueTask<Startup> UpdateStartupAsync(
        Guid agent, string apiVersion, UpdateStartupRequest request, CancellationToken cancellationToken)
    {
        var startup = request.Startup ?? throw new DrpcException(0, "startup is missing");
        if (startup.Version.Length > MaxVersionCharacters || !SemanticVersion().IsMatch(startup.Version))
        {
            throw new DrpcException(0, "invalid agent semver version");
        }

        if (startup.ExpandedDirectory.Length > MaxPathCharacters)
        {
            throw new DrpcException(0, "the expanded directory is too long");
        }

        if (startup.Subsystems.FirstOrDefault(static subsystem => NameOf(subsystem) is null, Startup.Types.Subsystem.Envbox) is var unknown
            && NameOf(unknown) is null)
        {
            throw new DrpcException(0, $"invalid agent subsystem: {(int)unknown}");
        }

        var subsystems = startup.Subsystems.Select(static subsystem => NameOf(subsystem)!).Distinct().Order(StringComparer.Ordinal).ToArray();
        await database.WriteAsync(
            connection => connection.Execute(
                """
                UPDATE workspace_agents
                SET version = $version, api_version = $api, expanded_directory = $directory, subsystems = $subsystems WHERE id = $id
                """,
                ("$id", agent),
                ("$version", startup.Version),
                ("$api", apiVersion),
                ("$directory", startup.ExpandedDirectory),
                ("$subsystems", JsonSerializer.Serialize(subsystems, ApiJson.Wire.StringArray))),
            cancellationToken);
        return startup;
    }

    private static string? NameOf(Lifecycle.Types.State state) => state switch
    {
        Lifecycle.Types.State.Created => "created",
        Lifecycle.Types.State.Starting => "starting",
        Lifecycle.Types.State.StartTimeout => "start_timeout",
        Lifecycle.Types.State.StartError => "start_error",
        Lifecycle.Types.State.Ready => "ready",
        Lifecycle.Types.State.ShuttingDown => "shutting_down",
        Lifecycle.Types.State.ShutdownTimeout => "shutdown_timeout",
        Lifecycle.Types.State.ShutdownError => "shutdown_error",
        Lifecycle.Types.State.Off => "off",
        _ => null,
    };

    private static string? NameOf(Startup.Types.Subsystem subsystem) => subsystem switch
    {
        Startup.Types.Subsystem.Envbox => "envbox",
        Startup.Types.Subsystem.Envbuilder => "envbuilder",
        Startup.Types.Subsystem.Exectrace => "exectrace",
        _ => null,
    };

    [GeneratedRegex(@"\Av[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex SemanticVersion();
}
