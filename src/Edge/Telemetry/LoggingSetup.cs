using Edge.Settings;
using Microsoft.Extensions.Logging.Console;

namespace Edge.Telemetry;

/// <summary>Logs to the console, as the standard <c>Logging</c> section says.</summary>
internal static class LoggingSetup
{
    /// <summary>
    /// Replaces the providers so far by the console's: one line an entry with the time in UTC, or JSON. Levels are Information, and Warning for the
    /// framework's categories, unless the configuration says otherwise; what <see cref="SensitiveLogs"/> forbids stays off whatever it says.
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

        // That its keys are not sealed themselves: the data directory is closed to others.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        // A stack trace for every failed request; the edge says it in a line.
        logging.AddFilter("Yarp.ReverseProxy.Forwarder.HttpForwarder", LogLevel.Error);

        // A stack trace for every failed probe; that a server's health has changed is said once, by another category.
        logging.AddFilter("Yarp.ReverseProxy.Health.ActiveHealthCheckMonitor", LogLevel.Error);

        // Of a changed ReverseProxy section the edge tells itself, in a line.
        logging.AddFilter("Yarp.ReverseProxy.Management.ProxyConfigManager", LogLevel.None);

        // That an API server is out is a warning; that it is back, an information.
        logging.AddFilter("Yarp.ReverseProxy.Health.DestinationHealthUpdater", LogLevel.Information);

        // Of rules that fit equally well the last one wins: the configuration comes after the defaults.
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.Services.PostConfigure<LoggerFilterOptions>(Forbid);
    }

    private static void AddConsole(ILoggingBuilder logging)
    {
        // Set before AddConsole, which lets the configuration's Logging:Console section override them.
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
    /// One rule alone decides about an entry, and a more specific one of the configuration would win over any added here: so the refusal is
    /// put into every rule, and into one for entries that no other rule fits. Runs again whenever the configuration is reloaded.
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
