using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Scripts;

/// <summary>Registers the store of scripts' results.</summary>
internal static class ScriptsRegistration
{
    public static IServiceCollection AddScripts(this IServiceCollection services) => services
        .AddSingleton<ScriptReports>();
}
