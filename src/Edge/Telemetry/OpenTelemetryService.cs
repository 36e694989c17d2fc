using System.Diagnostics;
using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Edge.Telemetry;

/// <summary>
/// Sends metrics and traces over OTLP while the host runs. The standard <c>OTEL_*</c> variables decide everything, from the environment or
/// any other source of the configuration: endpoints, protocol, headers, intervals, sampler (parent-based, always on, by default),
/// resource. A signal without an endpoint is not collected.
/// </summary>
internal sealed class OpenTelemetryService : IHostedService, IDisposable
{
    /// <summary>How long the last batch may take at the end, in milliseconds; a collector that is gone must not hold up the exit.</summary>
    private const int FlushMilliseconds = 5_000;

    private const string NoRequestAttributes = "Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData";
    private readonly OtlpSignal? _traces;
    private readonly OtlpSignal? _metrics;
    private TracerProvider? _tracer;
    private MeterProvider? _meter;

    /// <exception cref="Settings.SettingsException">An endpoint is no URL.</exception>
    public OpenTelemetryService(IConfiguration configuration)
    {
        _traces = OtlpSignal.Read(configuration, "TRACES");
        _metrics = OtlpSignal.Read(configuration, "METRICS");
        if (TracesWanted && !AppContext.TryGetSwitch(NoRequestAttributes, out _))
        {
            // .NET 10 puts method, path and address on its request spans only when asked to. The server reads this when it starts.
            AppContext.SetSwitch(NoRequestAttributes, false);
        }
    }

    /// <summary>Whether spans are exported.</summary>
    public bool TracesWanted => _traces is not null;

    /// <summary>Whether metrics are exported.</summary>
    public bool MetricsWanted => _metrics is not null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_traces is not null)
        {
            _tracer = Sdk.CreateTracerProviderBuilder()
                .ConfigureServices(services => services.AddSingleton(_traces.Configuration))
                .SetResourceBuilder(Resource())
                .AddSource([.. TelemetrySources.Activities])
                .AddProcessor(new QueryRemover())
                .AddOtlpExporter(options => Use(_traces, options))
                .Build();
        }

        if (_metrics is not null)
        {
            _meter = Sdk.CreateMeterProviderBuilder()
                .ConfigureServices(services => services.AddSingleton(_metrics.Configuration))
                .SetResourceBuilder(Resource())
                .AddMeter([.. TelemetrySources.Meters])
                .AddOtlpExporter(options => Use(_metrics, options))
                .Build();
        }

        return Task.CompletedTask;
    }

    /// <summary>Sends what is left, within 5 s and within the host's own patience.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        // Shutdown blocks its thread for the whole flush.
        Task flush = Task.WhenAll(
            Task.Run(() => _tracer?.Shutdown(FlushMilliseconds), CancellationToken.None),
            Task.Run(() => _meter?.Shutdown(FlushMilliseconds), CancellationToken.None));
        await flush.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _tracer?.Dispose();
        _meter?.Dispose();
    }

    /// <summary>What comes later wins: an operator's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES over the names given here.</summary>
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddTelemetrySdk()
        .AddService("edge", serviceVersion: Version())
        .AddEnvironmentVariableDetector();

    private static void Use(OtlpSignal signal, OtlpExporterOptions options)
    {
        // Setting it, to whatever, keeps the exporter from appending the signal's path.
        if (signal.Endpoint is not null)
        {
            options.Endpoint = signal.Endpoint;
        }
    }

    private static string? Version() =>
        typeof(OpenTelemetryService).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    /// <summary>Takes query strings out of spans, whoever put them there: clients send session tokens in them.</summary>
    private sealed class QueryRemover : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            List<KeyValuePair<string, object?>>? found = null;
            foreach (ref readonly var tag in data.EnumerateTagObjects())
            {
                if (TelemetrySources.MayHoldQuery(tag.Key))
                {
                    (found ??= []).Add(tag);
                }
            }

            foreach (var (key, value) in found ?? [])
            {
                var text = key == "url.query" ? null : value?.ToString();
                var query = text?.IndexOf('?', StringComparison.Ordinal) ?? -1;
                data.SetTag(key, query >= 0 ? text![..query] : text);
            }
        }
    }
}
