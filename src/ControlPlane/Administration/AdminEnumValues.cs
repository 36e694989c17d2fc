using ControlPlane.Agents;
using ControlPlane.Declarations;
using ControlPlane.InstanceIdentity;
using ControlPlane.Users;

namespace ControlPlane.Administration;

/// <summary>
/// The string properties of the administration API with a closed set of values, for <c>enum</c> in the OpenAPI document. A property is such
/// a string, a list of them, or a dictionary of them.
/// </summary>
internal static class AdminEnumValues
{
    private static readonly string[] Clouds = [.. Enum.GetValues<Cloud>().Select(InstanceAdministration.NameOf)];

    public static IReadOnlyDictionary<(Type Type, string Property), IReadOnlyList<string>> All { get; } = new Dictionary<(Type, string),
        IReadOnlyList<string>>
    {
        [(typeof(AgentRow), nameof(AgentRow.Status))] = AgentStatus.All,
        [(typeof(AgentRow), nameof(AgentRow.LifecycleState))] = StateReports.Lifecycles,
        [(typeof(AgentDetails), nameof(AgentDetails.DisplayApps))] = BuiltInApps.All,
        [(typeof(CreateAgent), nameof(CreateAgent.DisplayApps))] = BuiltInApps.All,
        [(typeof(DeclaredApp), nameof(DeclaredApp.SharingLevel))] = AgentApp.SharingLevels,
        [(typeof(DeclaredApp), nameof(DeclaredApp.OpenIn))] = AgentApp.Windows,
        [(typeof(UserRow), nameof(UserRow.Status))] = User.Statuses,
        [(typeof(ChangeUser), nameof(ChangeUser.Status))] = UserAdministration.Statuses,
        [(typeof(BindInstance), nameof(BindInstance.Cloud))] = Clouds,
        [(typeof(BindingRow), nameof(BindingRow.Cloud))] = Clouds,
        [(typeof(WorkspaceRow), nameof(WorkspaceRow.Claim))] = ["pending", "claimed", "failed"],
    };
}
