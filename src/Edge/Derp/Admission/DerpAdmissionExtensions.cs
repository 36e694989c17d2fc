using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>Adds admission to the public host.</summary>
internal static class DerpAdmissionExtensions
{
    /// <summary>Registers the sources of admission. The relay gets their decision by <see cref="AdmissionOf"/>.</summary>
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

    /// <summary>The value of <see cref="DerpServer.Admission"/>; null when no source looks at keys.</summary>
    /// <exception cref="Settings.SettingsException">The list of keys cannot be read.</exception>
    public static Func<DerpAdmissionRequest, CancellationToken, ValueTask<bool>>? AdmissionOf(this IServiceProvider services) =>
        services.GetService<DerpAdmission>() is { } admission ? admission.AdmitAsync : null;

    /// <summary>Adds the check of tokens when the settings require one. Comes before the DERP middleware.</summary>
    public static void UseDerpTokenGate(this WebApplication app)
    {
        if (app.Services.GetRequiredService<DerpAdmissionSettings>().NeedsToken)
        {
            app.UseMiddleware<DerpTokenGate>();
        }
    }
}
