using ControlPlane.Agents;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Stores an agent's lifecycle state and the versions and subsystems of its start.</summary>
internal sealed class StateRpc(StateReports reports)
{
    public async ValueTask<Lifecycle> UpdateLifecycleAsync(Guid agent, UpdateLifecycleRequest request, CancellationToken cancellationToken)
    {
        var lifecycle = request.Lifecycle ?? throw new DrpcException(0, "lifecycle is missing");
        var name = NameOf(lifecycle.State) ?? throw new DrpcException(0, $"unknown lifecycle state: {(int)lifecycle.State}");
        await reports.SetLifecycleAsync(agent, name, Timestamps.Read(lifecycle.ChangedAt), cancellationToken);
        return lifecycle;
    }

    public async ValueTask<Startup> UpdateStartupAsync(
        Guid agent, string apiVersion, UpdateStartupRequest request, CancellationToken cancellationToken)
    {
        var startup = request.Startup ?? throw new DrpcException(0, "startup is missing");
        string[] subsystems = [.. startup.Subsystems.Select(NameOf)];
        var refusal = await reports.SetStartupAsync(
            agent, new AgentStartup(startup.Version, apiVersion, startup.ExpandedDirectory, subsystems), cancellationToken);
        return refusal switch
        {
            null => startup,
            StartupRefusal.Version => throw new DrpcException(0, "invalid agent semver version"),
            StartupRefusal.Directory => throw new DrpcException(0, "the expanded directory is too long"),
            _ => throw new DrpcException(
                0, $"invalid agent subsystem: {startup.Subsystems.First(static subsystem => NameOf(subsystem).Length == 0)}"),
        };
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

    /// <summary>The subsystem's name; empty for an unknown one.</summary>
    private static string NameOf(Startup.Types.Subsystem subsystem) => subsystem switch
    {
        Startup.Types.Subsystem.Envbox => "envbox",
        Startup.Types.Subsystem.Envbuilder => "envbuilder",
        Startup.Types.Subsystem.Exectrace => "exectrace",
        _ => "",
    };
}
