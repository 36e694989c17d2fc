using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Scripts;

/// <summary>What agents report of their scripts.</summary>
internal static class ScriptsRegistration
{
    public static IServiceCollection AddScripts(this IServiceCollection services) => services
        .AddSingleton<ScriptReports>();
}
