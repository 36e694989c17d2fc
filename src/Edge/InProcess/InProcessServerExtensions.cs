using Microsoft.AspNetCore.Hosting.Server;

namespace Edge.InProcess;

/// <summary>Makes a host accept requests of its own process.</summary>
internal static class InProcessServerExtensions
{
    /// <summary>Wraps the host's server. Call this after the server was added.</summary>
    public static IServiceCollection AddInProcess(this IServiceCollection services, InProcessApplication requests)
    {
        var listeners = services.Last(static service => service.ServiceType == typeof(IServer));
        services.Remove(listeners);
        return services.AddSingleton<IServer>(provider => new InProcessServer(
            (IServer)(listeners.ImplementationFactory?.Invoke(provider)
                ?? ActivatorUtilities.CreateInstance(provider, listeners.ImplementationType!)),
            requests));
    }
}
