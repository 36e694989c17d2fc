using Edge.Settings;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Edge.Telemetry;

/// <summary>
/// Registers the export of metrics and traces over OTLP. The standard <c>OTEL_*</c> variables decide everything, from the environment or
/// any other source of the configuration: endpoints, protocol, headers, intervals, sampler (parent-based, always on, by default),
/// resource. A signal without an endpoint is not collected.
/// </summary>
internal static class OpenTelemetryRegistration
{
    private const string NoRequestAttributes = "Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData";

    /// <summary>
    /// Adds the providers of the signals that the <c>OTEL_*</c> variables ask for, and <see cref="RequestSpans"/> for traces. A provider
    /// hears the meters and activity sources of the whole process: call this on one host only, before any host starts. The host sends
    /// what is left when it is disposed, so let it be the last one.
    /// </summary>
    /// <exception cref="Settings.SettingsException">A variable has a value that the exporter would not take.</exception>
    public static WebApplicationBuilder AddEdgeOpenTelemetry(this WebApplicationBuilder builder, IConfiguration configuration)
    {
        var traces = OtlpVariables.Wants(configuration, OtlpVariables.Traces);
        var metrics = OtlpVariables.Wants(configuration, OtlpVariables.Metrics);
        if (!traces && !metrics)
        {
            return builder;
        }

        // The packages read the variables from the host's own configuration, which has none of the process's.
        builder.Configuration.AddInMemoryCollection(
            configuration.AsEnumerable().Where(static pair => pair.Key.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase)).ToArray());

        // What comes later wins: an operator's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES over the names given here.
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(static resource => resource
            .Clear()
            .AddTelemetrySdk()
            .AddService("edge", serviceVersion: EdgeVersion.Text)
            .AddEnvironmentVariableDetector());
        if (traces)
        {
            // .NET 10 puts method, path and address on its request spans only when asked to. The server reads this when it starts.
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

    /// <summary>For the other hosts of the process: only names the spans of their requests.</summary>
    public static IServiceCollection AddEdgeRequestSpans(this IServiceCollection services, IConfiguration configuration) =>
        OtlpVariables.Wants(configuration, OtlpVariables.Traces) ? services.AddTransient<IStartupFilter, RequestSpans>() : services;
}
