using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Http;

/// <summary>What stands around every request.</summary>
internal static class HttpRegistration
{
    public static IServiceCollection AddHttp(this IServiceCollection services) => services
        .AddSingleton<ErrorBoundary>()
        .AddSingleton<AnswersByUser>();
}
