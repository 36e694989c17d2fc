using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Administration;

/// <summary>Registers the administration's services. Another host maps its routes with <see cref="AdministrationApi"/>.</summary>
internal static class AdministrationRegistration
{
    public static IServiceCollection AddAdministration(this IServiceCollection services) => services
        .AddSingleton<UserAdministration>()
        .AddSingleton<TokenAdministration>()
        .AddSingleton<WorkspaceAdministration>()
        .AddSingleton<AgentAdministration>()
        .AddSingleton<ExternalAuthAdministration>()
        .AddSingleton<InstanceAdministration>()
        .AddSingleton<AdministrationServices>();
}
