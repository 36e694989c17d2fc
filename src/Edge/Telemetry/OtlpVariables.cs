using System.Globalization;
using Edge.Settings;

namespace Edge.Telemetry;

/// <summary>
/// Checks the variables of the OTLP exporter for one signal or for all (OpenTelemetry specification, "OTLP Exporter Configuration").
/// The exporter itself throws for headers when it is made, and ignores other wrong values.
/// </summary>
internal static class OtlpVariables
{
    private static readonly string[] Protocols = ["grpc", "http/protobuf"];

    /// <param name="configuration">The configuration.</param>
    /// <param name="prefix">What the names begin with, such as <c>OTEL_EXPORTER_OTLP_TRACES_</c>.</param>
    /// <exception cref="SettingsException">A value is not allowed; headers are not shown, since they hold credentials.</exception>
    public static void Check(IConfiguration configuration, string prefix)
    {
        var settings = new SettingsReader(configuration);
        if (settings.Text($"{prefix}PROTOCOL") is { } protocol && !Protocols.Contains(protocol, StringComparer.Ordinal))
        {
            throw new SettingsException($"{prefix}PROTOCOL", protocol, $"allowed are {string.Join(", ", Protocols)}");
        }

        if (settings.Text($"{prefix}TIMEOUT") is { } timeout
            && !int.TryParse(timeout, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            throw new SettingsException($"{prefix}TIMEOUT", timeout, "allowed is a whole number of milliseconds");
        }

        if (settings.Text($"{prefix}HEADERS") is { } headers && !AreHeaders(headers))
        {
            throw new SettingsException(
                $"{prefix}HEADERS", null, "allowed is a list such as name=value,name2=value2, URL-encoded where a value has other characters");
        }
    }

    // The exporter decodes first, so that an encoded comma divides too.
    private static bool AreHeaders(string text) => Uri.UnescapeDataString(text)
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .All(static header => header.IndexOf('=', StringComparison.Ordinal) is > 0 and var end
            && header.AsSpan(0, end).Trim() is { Length: > 0 } name && name.IndexOfAnyExcept(NameCharacters) < 0
            && header.AsSpan(end).IndexOfAnyExceptInRange(' ', '~') < 0);

    // RFC 9110 §5.6.2: the characters of a field's name.
    private static readonly System.Buffers.SearchValues<char> NameCharacters =
        System.Buffers.SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}
