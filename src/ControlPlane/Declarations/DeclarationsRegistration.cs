using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Declarations;

/// <summary>What agents are declared to have.</summary>
internal static class DeclarationsRegistration
{
    public static IServiceCollection AddDeclarations(this IServiceCollection services) => services
        .AddSingleton<DeclarationStore>();
}
