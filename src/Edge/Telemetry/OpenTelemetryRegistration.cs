using Edge.Settings;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Edge.Telemetry;

/// <summary>
/// Registers the export of metrics and traces over OTLP. The standard <c>OTEL_*</c> variables configure it, from the environment or
/// any other source of the configuration: endpoints, protocol, headers, intervals, sampler (parent-based, always on, by default),
/// resource. A signal without an endpoint is not collected.
/// </summary>
internal static class OpenTelemetryRegistration
{
    private const string NoRequestAttributes = "Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData";

    /// <summary>
    /// Adds the providers of the signals with an endpoint, and <see cref="RequestSpans"/> for traces. A provider listens to the meters
    /// and activity sources of the whole process: call this for one host only, before any host starts. The provider sends the last
    /// data when that host is disposed, so this should be the host that is disposed last.
    /// </summary>
    /// <exception cref="Settings.SettingsException">A variable has a value that the exporter does not allow.</exception>
    public static WebApplicationBuilder AddEdgeOpenTelemetry(this WebApplicationBuilder builder, IConfiguration configuration)
    {
        var traces = OtlpVariables.IsExported(configuration, OtlpVariables.Traces);
        var metrics = OtlpVariables.IsExported(configuration, OtlpVariables.Metrics);
        if (!traces && !metrics)
        {
            return builder;
        }

        // The packages read the variables from the host's own configuration, which does not include the process's.
        builder.Configuration.AddInMemoryCollection(
            configuration.AsEnumerable().Where(static pair => pair.Key.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)).ToArray());

        // Later values override earlier ones: an operator's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override these names.
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(static resource => resource
            .Clear()
            .AddTelemetrySdk()
            .AddService("edge", serviceVersion: EdgeVersion.Text)
            .AddEnvironmentVariableDetector());
        if (traces)
        {
            // .NET 10 adds method, path and address to its request spans only with this switch. The server reads it at its start.
            if (!AppContext.TryGetSwitch(NoRequestAttributes, out _))
            {
                AppContext.SetSwitch(NoRequestAttributes, false);
            }

            telemetry.WithTracing(tracing => tracing
                .AddSource([.. TelemetrySources.Activities])
                .AddProcessor(new QueryRemover())
                .AddOtlpExporter(OtlpVariables.Traces, options => OtlpVariables.Apply(configuration, OtlpVariables.Traces, options)));
        }

        if (metrics)
        {
            telemetry.WithMetrics(metering => metering
                .AddMeter([.. TelemetrySources.Meters])
                .AddOtlpExporter(OtlpVariables.Metrics, options => OtlpVariables.Apply(configuration, OtlpVariables.Metrics, options)));
        }

        builder.Services.AddEdgeRequestSpans(configuration);
        return builder;
    }

    /// <summary>Adds names and results to the request spans of the process's other hosts.</summary>
    public static IServiceCollection AddEdgeRequestSpans(this IServiceCollection services, IConfiguration configuration) =>
        OtlpVariables.IsExported(configuration, OtlpVariables.Traces) ? services.AddTransient<IStartupFilter, RequestSpans>() : services;
}
