using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Primitives;

namespace Edge.Program;

/// <summary>
/// Logs what becomes of settings that change while the node runs: most take effect at the next start, and a file that cannot be read changes none.
/// </summary>
internal sealed partial class SettingsWatch : IDisposable
{
    private readonly IConfigurationRoot _configuration;
    private readonly ReloadMetrics _metrics;
    private readonly ILogger _logger;
    private readonly string[] _sections;
    private readonly Dictionary<string, string?> _atStart;
    private readonly Lock _lock = new();
    private readonly IDisposable _subscription;
    private string[] _changed = [];
    private string? _fault;
    private string? _loggingFault;

    /// <param name="configuration">The node's.</param>
    /// <param name="hasRoutes">Whether <c>ReverseProxy</c> is in use: then it takes effect at once, and its own log says so.</param>
    /// <param name="metrics">Counts.</param>
    /// <param name="logger">Never sees a value: it may be a secret.</param>
    public SettingsWatch(IConfigurationRoot configuration, bool hasRoutes, ReloadMetrics metrics, ILogger logger)
    {
        (_configuration, _metrics, _logger) = (configuration, metrics, logger);
        _sections = [.. EdgeConfiguration.Sections.Where(section => section != "Logging" && !(hasRoutes && section == "ReverseProxy"))];
        _atStart = Read();
        _subscription = ChangeToken.OnChange(configuration.GetReloadToken, Look);
    }

    public void Dispose() => _subscription.Dispose();

    private void Look()
    {
        lock (_lock)
        {
            var fault = _configuration.Providers.OfType<SettingsFileProvider>().FirstOrDefault(static file => file.Fault is not null)?.Fault;
            if (fault is not null)
            {
                if (fault != _fault)
                {
                    _metrics.Refused();
                    LogUnreadable(fault);
                }

                _fault = fault;
                return;
            }

            if (_fault is not null)
            {
                _fault = null;
                LogReadable();
            }

            CheckLogging();
            var now = Read();
            string[] changed = [.. _atStart.Keys.Union(now.Keys, StringComparer.OrdinalIgnoreCase)
                .Where(key => _atStart.GetValueOrDefault(key) != now.GetValueOrDefault(key))
                .Order(StringComparer.OrdinalIgnoreCase)];
            if (changed.SequenceEqual(_changed))
            {
                return;
            }

            _changed = changed;
            if (changed.Length > 0)
            {
                LogNextStart(string.Join(", ", changed));
            }
            else
            {
                LogAsAtStart();
            }
        }
    }

    // Takes effect at once. The framework keeps the levels that it had where it cannot read the new ones, and says nothing.
    private void CheckLogging()
    {
        string? fault = null;
        try
        {
            LoggingSettings.Check(_configuration);
        }
        catch (SettingsException error)
        {
            fault = error.Message;
        }

        if (fault is not null && fault != _loggingFault)
        {
            _metrics.Refused();
            LogLoggingKept(fault);
        }

        _loggingFault = fault;
    }

    private Dictionary<string, string?> Read() => new(
        _sections
            .SelectMany(section => _configuration.GetSection(section).AsEnumerable())
            .Where(static setting => setting.Value is not null),
        StringComparer.OrdinalIgnoreCase);

    [LoggerMessage(1041, LogLevel.Error, "appsettings.json cannot be read any more, and the settings stay as they were: {Fault}")]
    private partial void LogUnreadable(string fault);

    [LoggerMessage(1042, LogLevel.Information, "appsettings.json can be read again.")]
    private partial void LogReadable();

    [LoggerMessage(1043, LogLevel.Warning, "Settings have changed; they take effect at the next start: {Settings}")]
    private partial void LogNextStart(string settings);

    [LoggerMessage(1044, LogLevel.Warning, "The section Logging has changed, but not all of it can be used: {Why}")]
    private partial void LogLoggingKept(string why);

    [LoggerMessage(1045, LogLevel.Information, "All settings are as they were at the start again.")]
    private partial void LogAsAtStart();
}
