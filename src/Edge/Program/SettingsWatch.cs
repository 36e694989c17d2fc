using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Primitives;

namespace Edge.Program;

/// <summary>
/// Logs changes of settings while the node runs. Most take effect at the next start. A file that cannot be read changes nothing.
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

    /// <param name="configuration">The node's configuration.</param>
    /// <param name="hasRoutes">Whether <c>ReverseProxy</c> is in use. Its changes take effect at once and have their own log lines.</param>
    /// <param name="metrics">Counts refused changes.</param>
    /// <param name="logger">Gets names of settings, but no values, which may be secrets.</param>
    public SettingsWatch(IConfigurationRoot configuration, bool hasRoutes, ReloadMetrics metrics, ILogger logger)
    {
        (_configuration, _metrics, _logger) = (configuration, metrics, logger);
        _sections = [.. EdgeConfiguration.Sections.Where(section => section != "Logging" && !(hasRoutes && section == "ReverseProxy"))];
        _atStart = Read();
        _subscription = ChangeToken.OnChange(configuration.GetReloadToken, OnReload);
    }

    public void Dispose() => _subscription.Dispose();

    private void OnReload()
    {
        lock (_lock)
        {
            var files = _configuration.Providers.OfType<SettingsFileProvider>();
            var fault = files.FirstOrDefault(static file => file.Fault is not null)?.Fault;
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

    // Changes of Logging take effect at once. .NET keeps the old levels when it cannot parse the new ones, without a log line.
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
            LogLoggingRefused(fault);
        }

        _loggingFault = fault;
    }

    private Dictionary<string, string?> Read() => new(
        _sections
            .SelectMany(section => _configuration.GetSection(section).AsEnumerable())
            .Where(static setting => setting.Value is not null),
        StringComparer.OrdinalIgnoreCase);

    [LoggerMessage(1041, LogLevel.Error, "appsettings.json cannot be read any more; the settings stay as they were: {Fault}")]
    private partial void LogUnreadable(string fault);

    [LoggerMessage(1042, LogLevel.Information, "appsettings.json can be read again.")]
    private partial void LogReadable();

    [LoggerMessage(1043, LogLevel.Warning, "Settings have changed; they take effect at the next start: {Settings}")]
    private partial void LogNextStart(string settings);

    [LoggerMessage(1044, LogLevel.Warning, "The section Logging has changed, but not all of it can be used: {Why}")]
    private partial void LogLoggingRefused(string why);

    [LoggerMessage(1045, LogLevel.Information, "All settings have the values of the start again.")]
    private partial void LogAsAtStart();
}
