namespace Edge.Telemetry;

/// <summary>Registers OTLP export.</summary>
internal static class OpenTelemetryRegistration
{
    /// <summary>
    /// Adds <see cref="OpenTelemetryService"/>, and <see cref="RequestSpans"/> for traces, when the <c>OTEL_*</c> variables ask for them.
    /// Once a process: call it on one host only, before any host starts, and let that host stop last.
    /// </summary>
    /// <exception cref="Settings.SettingsException">An endpoint is no URL.</exception>
    public static IServiceCollection AddEdgeOpenTelemetry(this IServiceCollection services, IConfiguration configuration)
    {
        var service = new OpenTelemetryService(configuration);
        if (service.TracesWanted || service.MetricsWanted)
        {
            services.AddSingleton<IHostedService>(_ => service);
        }

        return services.AddEdgeRequestSpans(configuration);
    }

    /// <summary>For the other hosts of the process: only names the spans of their requests.</summary>
    public static IServiceCollection AddEdgeRequestSpans(this IServiceCollection services, IConfiguration configuration) =>
        OtlpSignal.Read(configuration, "TRACES") is null ? services : services.AddTransient<IStartupFilter, RequestSpans>();
}
