using System.Globalization;
using Edge.Settings;
using OpenTelemetry.Exporter;

namespace Edge.Telemetry;

/// <summary>
/// The variables of the OTLP exporter (OpenTelemetry specification, "OTLP Exporter Configuration"). The exporter itself ignores
/// wrong values, or throws for wrong headers at its creation. It reads the variables of one signal
/// (<c>OTEL_EXPORTER_OTLP_TRACES_…</c>) only in a mode that exports every signal.
/// </summary>
internal static class OtlpVariables
{
    /// <summary>The name of traces in variables.</summary>
    public const string Traces = "TRACES";

    /// <summary>The name of metrics in variables.</summary>
    public const string Metrics = "METRICS";

    private const string Prefix = "OTEL_EXPORTER_OTLP_";
    private static readonly string[] Protocols = ["grpc", "http/protobuf"];

    /// <summary>Whether a signal is exported: it has an endpoint, and no variable disables it.</summary>
    /// <exception cref="SettingsException">A variable has a value that the exporter does not allow.</exception>
    public static bool IsExported(IConfiguration configuration, string signal)
    {
        var general = Url(configuration, $"{Prefix}ENDPOINT");
        var own = Url(configuration, $"{Prefix}{signal}_ENDPOINT");
        if ((general ?? own) is null
            || Is(configuration["OTEL_SDK_DISABLED"], "true")
            || Is(configuration[$"OTEL_{signal}_EXPORTER"], "none"))
        {
            return false;
        }

        Check(configuration, Prefix);
        Check(configuration, $"{Prefix}{signal}_");
        return true;
    }

    /// <summary>Sets the options from the variables of one signal, which <see cref="IsExported"/> has checked.</summary>
    public static void Apply(IConfiguration configuration, string signal, OtlpExporterOptions options)
    {
        // An explicit endpoint, whatever it is, keeps the exporter from appending the signal's path.
        if (Url(configuration, $"{Prefix}{signal}_ENDPOINT") is { } endpoint)
        {
            options.Endpoint = endpoint;
        }

        var settings = new SettingsReader(configuration);
        if (settings.Text($"{Prefix}{signal}_PROTOCOL") is { } protocol)
        {
            options.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }

        if (settings.Text($"{Prefix}{signal}_TIMEOUT") is { } timeout)
        {
            options.TimeoutMilliseconds = int.Parse(timeout, NumberStyles.None, CultureInfo.InvariantCulture);
        }

        if (settings.Text($"{Prefix}{signal}_COMPRESSION") is { } compression)
        {
            options.Compression = Is(compression, "gzip") ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        }

        options.Headers = settings.Text($"{Prefix}{signal}_HEADERS") ?? options.Headers;
    }

    // Errors do not contain headers, which may be credentials.
    private static void Check(IConfiguration configuration, string prefix)
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
                $"{prefix}HEADERS",
                null,
                "allowed is a list such as name=value,name2=value2; values with other characters must be URL-encoded");
        }
    }

    private static Uri? Url(IConfiguration configuration, string name)
    {
        var value = configuration[name]?.Trim();
        return string.IsNullOrEmpty(value) ? null
            : Uri.TryCreate(value, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https") ? url
            : throw new SettingsException(name, value, "allowed is an http or https URL");
    }

    private static bool Is(string? value, string expected) => string.Equals(value?.Trim(), expected, StringComparison.OrdinalIgnoreCase);

    // The exporter decodes before it splits, so an encoded comma separates headers too.
    private static bool AreHeaders(string text) => Uri.UnescapeDataString(text)
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .All(static header => header.IndexOf('=', StringComparison.Ordinal) is > 0 and var end
            && header.AsSpan(0, end).Trim() is { Length: > 0 } name && name.IndexOfAnyExcept(NameCharacters) < 0
            && header.AsSpan(end).IndexOfAnyExceptInRange(' ', '~') < 0);

    // RFC 9110 §5.6.2: the characters of a field's name.
    private static readonly System.Buffers.SearchValues<char> NameCharacters =
        System.Buffers.SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}
