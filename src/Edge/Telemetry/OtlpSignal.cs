using Edge.Settings;

namespace Edge.Telemetry;

/// <summary>
/// What the <c>OTEL_*</c> variables say about one signal. The exporter package reads those for all signals itself, but those for one
/// signal (<c>OTEL_EXPORTER_OTLP_TRACES_…</c>) only in a mode that always exports every signal.
/// </summary>
/// <param name="Configuration">The host's configuration, with this signal's variables in the place of the general ones.</param>
/// <param name="Endpoint">The signal's own endpoint, used as it is; null to use the general one, with the signal's path appended.</param>
internal sealed record OtlpSignal(IConfiguration Configuration, Uri? Endpoint)
{
    private const string Prefix = "OTEL_EXPORTER_OTLP_";
    private static readonly string[] Overridable = ["PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION"];

    /// <summary>Reads the variables of a signal, <c>TRACES</c> or <c>METRICS</c>; null when it is not to be collected.</summary>
    /// <exception cref="SettingsException">A variable has a value that the exporter would not take.</exception>
    public static OtlpSignal? Read(IConfiguration configuration, string signal)
    {
        var general = Url(configuration, $"{Prefix}ENDPOINT");
        var own = Url(configuration, $"{Prefix}{signal}_ENDPOINT");
        if ((general ?? own) is null
            || Is(configuration["OTEL_SDK_DISABLED"], "true")
            || Is(configuration[$"OTEL_{signal}_EXPORTER"], "none"))
        {
            return null;
        }

        foreach (var prefix in (string[])[Prefix, $"{Prefix}{signal}_"])
        {
            OtlpVariables.Check(configuration, prefix);
        }

        var overrides = Overridable
            .Select(name => KeyValuePair.Create($"{Prefix}{name}", configuration[$"{Prefix}{signal}_{name}"]))
            .Where(static pair => !string.IsNullOrWhiteSpace(pair.Value));
        return new OtlpSignal(
            new ConfigurationBuilder().AddConfiguration(configuration).AddInMemoryCollection(overrides).Build(),
            own);
    }

    private static Uri? Url(IConfiguration configuration, string name)
    {
        var value = configuration[name]?.Trim();
        return string.IsNullOrEmpty(value) ? null
            : Uri.TryCreate(value, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https") ? url
            : throw new SettingsException(name, value, "allowed is an http or https URL");
    }

    private static bool Is(string? value, string expected) => string.Equals(value?.Trim(), expected, StringComparison.OrdinalIgnoreCase);
}
