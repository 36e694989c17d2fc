using Edge.Settings;
using Microsoft.Extensions.Logging.Console;

namespace Edge.Telemetry;

/// <summary>Configures logging to the console, with the standard section <c>Logging</c>.</summary>
internal static class LoggingSetup
{
    /// <summary>
    /// Replaces all logging providers by the console's: one line an entry with the time in UTC, or JSON. The default levels are
    /// Information, and Warning for .NET's categories. The configuration can change them, but cannot enable what
    /// <see cref="SensitiveLogs"/> forbids.
    /// </summary>
    /// <exception cref="SettingsException">The section has an unknown key, or a value that is not allowed.</exception>
    public static void AddEdgeLogging(this ILoggingBuilder logging, IConfiguration configuration)
    {
        LoggingSettings.Check(configuration);
        logging.ClearProviders();
        AddConsole(logging);
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        logging.AddFilter("Yarp", LogLevel.Warning);

        // It warns that the keys are not encrypted. Other users have no access to the data directory.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        // It logs a stack trace for every failed request. The edge logs one line instead.
        logging.AddFilter("Yarp.ReverseProxy.Forwarder.HttpForwarder", LogLevel.Error);

        // It logs a stack trace for every failed probe. ProbePolicy and DestinationHealthUpdater log changes of a server's health.
        logging.AddFilter("Yarp.ReverseProxy.Health.ActiveHealthCheckMonitor", LogLevel.Error);

        // ReloadLog logs changes of the section ReverseProxy in one line.
        logging.AddFilter("Yarp.ReverseProxy.Management.ProxyConfigManager", LogLevel.None);

        // It logs an unhealthy API server as a warning, and one that is healthy again as an information.
        logging.AddFilter("Yarp.ReverseProxy.Health.DestinationHealthUpdater", LogLevel.Information);

        // The last of several rules that match equally well applies, so the configuration comes after the defaults.
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.Services.PostConfigure<LoggerFilterOptions>(Forbid);
    }

    private static void AddConsole(ILoggingBuilder logging)
    {
        // AddConsole comes after the defaults, because it lets the section Logging:Console override them.
        logging.Services.Configure<ConsoleLoggerOptions>(static options => options.FormatterName = ConsoleFormatterNames.Simple);
        logging.Services.Configure<SimpleConsoleFormatterOptions>(static options =>
        {
            options.SingleLine = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        logging.Services.Configure<JsonConsoleFormatterOptions>(static options =>
        {
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
        logging.AddConsole();
    }

    /// <summary>
    /// Adds the filter to every rule. Only one rule applies to an entry, and a more specific rule of the configuration would override
    /// a separate one. One more rule is for entries that match no other. This runs again after every reload of the configuration.
    /// </summary>
    private static void Forbid(LoggerFilterOptions options)
    {
        for (var i = 0; i < options.Rules.Count; i++)
        {
            var rule = options.Rules[i];
            options.Rules[i] = new LoggerFilterRule(rule.ProviderName, rule.CategoryName, rule.LogLevel, Guarded(rule.Filter));
        }

        options.Rules.Insert(0, new LoggerFilterRule(null, null, options.MinLevel, Guarded(null)));
    }

    private static Func<string?, string?, LogLevel, bool> Guarded(Func<string?, string?, LogLevel, bool>? filter) =>
        (provider, category, level) => !SensitiveLogs.Forbids(category, level) && (filter is null || filter(provider, category, level));
}
