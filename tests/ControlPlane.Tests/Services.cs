using ControlPlane.Logs;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

internal static class Services
{
    public static LogSignals GetSignals(this IServiceProvider services) => services.GetRequiredService<LogSignals>();
}
