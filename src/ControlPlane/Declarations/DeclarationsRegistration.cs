using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Declarations;

/// <summary>Registers the declarations of agents.</summary>
internal static class DeclarationsRegistration
{
    public static IServiceCollection AddDeclarations(this IServiceCollection services) => services
        .AddSingleton<DeclarationStore>();
}
