using System.Globalization;
using Edge.Settings;
using Microsoft.Extensions.Logging.Console;

namespace Edge.Telemetry;

/// <summary>Checks the section <c>Logging</c>. .NET reports errors in it late, with unclear messages, or not at all.</summary>
internal static class LoggingSettings
{
    private const string Section = "Logging";
    private const string Console = "Logging:Console";
    private const string Format = "Logging:Console:FormatterOptions";
    private const int DefaultQueueLength = 2_500;
    private static readonly string[] Formatters = [ConsoleFormatterNames.Simple, ConsoleFormatterNames.Json];

    /// <exception cref="SettingsException">A key or a value is not allowed.</exception>
    public static void Check(IConfiguration configuration)
    {
        var settings = new SettingsReader(configuration);
        CheckLevels(settings, Section);
        CheckLevels(settings, Console);
        settings.Flag($"{Section}:CaptureScopes", false);
        CheckConsole(settings);
        CheckFormat(settings);
        settings.RefuseUnknownKeys(Section);
    }

    private static void CheckLevels(SettingsReader settings, string parent)
    {
        var name = $"{parent}:LogLevel";
        if (settings.Text(name) is { } text)
        {
            throw new SettingsException(name, text, $"a level belongs to a category; set {name}:Default, or {name}:<category>");
        }

        foreach (var category in settings.Children(name))
        {
            settings.Choice($"{name}:{category}", LogLevel.Information);
        }
    }

    private static void CheckConsole(SettingsReader settings)
    {
        var formatter = settings.Text($"{Console}:FormatterName");
        if (formatter is not null && !Formatters.Contains(formatter, StringComparer.OrdinalIgnoreCase))
        {
            throw new SettingsException($"{Console}:FormatterName", formatter, $"allowed are {string.Join(", ", Formatters)}");
        }

        settings.Choice($"{Console}:LogToStandardErrorThreshold", LogLevel.None);
        settings.Choice($"{Console}:QueueFullMode", ConsoleLoggerQueueFullMode.Wait);
        settings.Number($"{Console}:MaxQueueLength", DefaultQueueLength, 1, int.MaxValue);
    }

    private static void CheckFormat(SettingsReader settings)
    {
        settings.Flag($"{Format}:IncludeScopes", false);
        settings.Flag($"{Format}:UseUtcTimestamp", true);
        settings.Flag($"{Format}:SingleLine", true);
        settings.Choice($"{Format}:ColorBehavior", LoggerColorBehavior.Default);
        settings.Flag($"{Format}:JsonWriterOptions:Indented", false);
        settings.Flag($"{Format}:JsonWriterOptions:SkipValidation", false);
        settings.Number($"{Format}:JsonWriterOptions:MaxDepth", 0, 0, 1_000);
        settings.Number($"{Format}:JsonWriterOptions:IndentSize", 2, 0, 127);
        var name = $"{Format}:TimestampFormat";
        if (settings.Text(name) is { } format && !IsTimestampFormat(format))
        {
            throw new SettingsException(name, format, "allowed is a .NET date format such as yyyy-MM-ddTHH:mm:ss.fffZ");
        }
    }

    // A wrong format would throw at every log entry.
    private static bool IsTimestampFormat(string format)
    {
        try
        {
            return DateTimeOffset.UnixEpoch.ToString(format, CultureInfo.InvariantCulture).Length > 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
