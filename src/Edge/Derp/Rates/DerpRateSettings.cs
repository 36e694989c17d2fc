using Edge.Settings;
using Relay.Derp;

namespace Edge.Derp.Rates;

/// <summary>The settings of rate limits: numbers, or derper's file, which is read again when it changes.</summary>
/// <param name="ConfigFile"><c>Relay:Derp:RateConfigFile</c>; null when the numbers apply.</param>
/// <param name="Fixed">
/// The numbers: <c>Relay:Derp:RateLimitPerClient</c>, <c>…PerClientBurst</c>, <c>RateLimitTotal</c>, <c>…TotalBurst</c>.
/// </param>
internal sealed record DerpRateSettings(string? ConfigFile, DerpRates Fixed)
{
    public const string ConfigFileName = "Relay:Derp:RateConfigFile";

    public static DerpRateSettings Read(SettingsReader settings)
    {
        var rates = new DerpRates(Limit(settings, "Relay:Derp:RateLimitPerClient"), Limit(settings, "Relay:Derp:RateLimitTotal"));
        var file = settings.Text(ConfigFileName);
        return file is null || rates == DerpRates.None
            ? new DerpRateSettings(file, rates)
            : throw new SettingsException(
                ConfigFileName,
                file,
                "set either the file or Relay:Derp:RateLimitPerClient and RateLimitTotal, not both");
    }

    private static DerpRateLimit Limit(SettingsReader settings, string name) => DerpRates.Limit(
        settings.Number(name, 0, 0, DerpRates.Most), settings.Number($"{name}Burst", 0, 0, DerpRates.Most));
}
