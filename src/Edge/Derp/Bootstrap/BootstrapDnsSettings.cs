using Edge.Settings;

namespace Edge.Derp.Bootstrap;

/// <summary>The settings of <c>/bootstrap-dns</c>.</summary>
/// <param name="Names"><c>Relay:Derp:BootstrapDnsNames</c>: the names in the answer.</param>
/// <param name="Refresh"><c>Relay:Derp:BootstrapDnsRefresh</c>: the interval of lookups.</param>
internal sealed record BootstrapDnsSettings(IReadOnlyList<string> Names, TimeSpan Refresh)
{
    private const string NamesName = "Relay:Derp:BootstrapDnsNames";

    public static BootstrapDnsSettings Read(SettingsReader settings)
    {
        var names = settings.List(NamesName);
        return new BootstrapDnsSettings(
            names.FirstOrDefault(static name => Uri.CheckHostName(name) is not UriHostNameType.Dns) is { } wrong
                ? throw new SettingsException(NamesName, wrong, "allowed is a list of DNS names")
                : names,
            settings.Duration("Relay:Derp:BootstrapDnsRefresh", TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(10), TimeSpan.FromDays(1)));
    }
}
