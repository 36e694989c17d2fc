using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;
using ControlPlane.Logs;
using ControlPlane.Reinit;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

internal static class Services
{
    public static LogSignals GetSignals(this IServiceProvider services) => services.GetRequiredService<LogSignals>();

    public static ExternalAuthStore Store(this ApiServer server) => server.Services.GetRequiredService<ExternalAuthStore>();

    public static ClaimStore Claims(this ApiServer server) => server.Services.GetRequiredService<ClaimStore>();

    public static InstanceBindingStore Bindings(this ApiServer server) => server.Services.GetRequiredService<InstanceBindingStore>();
}
