using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>How the public host takes admission in.</summary>
internal static class DerpAdmissionExtensions
{
    /// <summary>Registers what decides about clients; the relay asks it through <see cref="AdmissionOf"/>.</summary>
    public static IServiceCollection AddDerpAdmission(this IServiceCollection services, DerpAdmissionSettings settings)
    {
        services.AddSingleton(settings);
        services.AddSingleton<AdmissionMetrics>();
        if (settings.Sources.Any(static source => source is AdmissionSource.File or AdmissionSource.Url or AdmissionSource.Tailscaled))
        {
            services.AddSingleton<DerpAdmission>();
            services.AddHostedService<AdmissionWatch>();
        }

        return services;
    }

    /// <summary>What <see cref="DerpServer.Admission"/> should be: null when keys do not matter.</summary>
    /// <exception cref="Settings.SettingsException">The list of keys cannot be read.</exception>
    public static Func<DerpAdmissionRequest, CancellationToken, ValueTask<bool>>? AdmissionOf(this IServiceProvider services) =>
        services.GetService<DerpAdmission>() is { } admission ? admission.AdmitAsync : null;

    /// <summary>Asks for a token where one is needed; goes before the DERP middleware.</summary>
    public static void UseDerpTokenGate(this WebApplication app)
    {
        if (app.Services.GetRequiredService<DerpAdmissionSettings>().NeedsToken)
        {
            app.UseMiddleware<DerpTokenGate>();
        }
    }
}
