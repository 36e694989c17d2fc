using ControlPlane.Agents;
using ControlPlane.AgentViews;
using ControlPlane.Apps;
using ControlPlane.Connections;
using ControlPlane.Declarations;
using ControlPlane.Logs;
using ControlPlane.Scripts;
using ControlPlane.Statistics;
using ControlPlane.Users;

namespace ControlPlane.OpenApi;

/// <summary>
/// The string properties of the Agents API's bodies that have enumerated values. A list or a dictionary stands for its entries.
/// </summary>
internal static class AgentsEnumValues
{
    public static IReadOnlyDictionary<(Type Type, string Property), IReadOnlyList<string>> All { get; } =
        new Dictionary<(Type, string), IReadOnlyList<string>>
        {
            [(typeof(AgentView), nameof(AgentView.Status))] = AgentStatus.All,
            [(typeof(AgentView), nameof(AgentView.LifecycleState))] = StateReports.Lifecycles,
            [(typeof(PostLifecycleRequest), nameof(PostLifecycleRequest.State))] = StateReports.Lifecycles,
            [(typeof(AgentView), nameof(AgentView.Subsystems))] = StateReports.Subsystems,
            [(typeof(PostStartupRequest), nameof(PostStartupRequest.Subsystems))] = StateReports.Subsystems,
            [(typeof(PostStartupRequest), nameof(PostStartupRequest.Subsystem))] = StateReports.Subsystems,
            [(typeof(AgentView), nameof(AgentView.DisplayApps))] = BuiltInApps.All,
            [(typeof(AgentView), nameof(AgentView.StartupScriptBehavior))] = ["blocking", "non-blocking"],
            [(typeof(AppView), nameof(AppView.SharingLevel))] = AgentApp.SharingLevels,
            [(typeof(AppView), nameof(AppView.OpenIn))] = AgentApp.Windows,
            [(typeof(AppView), nameof(AppView.Health))] = AppHealths.All,
            [(typeof(PostAppHealthRequest), nameof(PostAppHealthRequest.Healths))] = AppHealths.All,
            [(typeof(AppStatusView), nameof(AppStatusView.State))] = AppReports.States,
            [(typeof(PatchAppStatusRequest), nameof(PatchAppStatusRequest.State))] = AppReports.States,
            [(typeof(LogLine), nameof(LogLine.Level))] = LogText.Levels,
            [(typeof(PatchedLine), nameof(PatchedLine.Level))] = LogText.Levels,
            [(typeof(UserView), nameof(UserView.Status))] = User.Statuses,
            [(typeof(UserView), nameof(UserView.LoginType))] = ["password", "github", "oidc", "token", "none"],
            [(typeof(ScriptView), nameof(ScriptView.Status))] = ["ok", "exit_failure", "timed_out", "pipes_left_open"],
            [(typeof(ReportedMetric), nameof(ReportedMetric.Type))] = ["counter", "gauge"],
            [(typeof(ContainerPort), nameof(ContainerPort.Network))] = ["tcp", "udp", "sctp"],
            [(typeof(Devcontainer), nameof(Devcontainer.Status))] = ["running", "stopped", "starting", "stopping", "deleting", "error"],
            [(typeof(ListeningPort), nameof(ListeningPort.Network))] = ["tcp"],
        };
}
