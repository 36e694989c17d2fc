using System.Globalization;
using System.Net;
using ControlPlane.Coordination;
using Edge.Derp;
using Edge.Settings;

namespace Edge.Api;

/// <summary>Reads <c>ControlPlane:DerpMap</c>.</summary>
internal static class DerpMapSettings
{
    private const string Section = "ControlPlane:DerpMap";

    /// <summary>Reads and checks the settings. Relative files are relative to <paramref name="workingDirectory"/>.</summary>
    public static DerpMapOptions Read(SettingsReader settings, DerpSettings derp, string workingDirectory)
    {
        var defaults = new DerpMapOptions();
        return new DerpMapOptions
        {
            HasEmbeddedRelay = settings.Flag($"{Section}:Embedded:Enabled", derp.Serves),
            EmbeddedRegionId = settings.Number($"{Section}:Embedded:Id", defaults.EmbeddedRegionId, 1, int.MaxValue),
            EmbeddedRegionCode = settings.Text($"{Section}:Embedded:Code") ?? defaults.EmbeddedRegionCode,
            EmbeddedRegionName = settings.Text($"{Section}:Embedded:Name") ?? defaults.EmbeddedRegionName,
            EmbeddedStunPort = derp.Serves && derp.Stun && derp.StunPort > 0 ? derp.StunPort : -1,
            Regions = ReadRegions(settings),
            StunServers = [.. settings.List($"{Section}:StunServers").Select(static text => StunServer($"{Section}:StunServers", text))],
            Files = [.. settings.List($"{Section}:Files").Select(file => Path.GetFullPath(file, workingDirectory))],
            Urls = [.. settings.List($"{Section}:Urls").Select(static text => Url($"{Section}:Urls", text))],
            RefreshInterval = settings.Duration(
                $"{Section}:RefreshInterval", defaults.RefreshInterval, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            BlockDirect = settings.Flag($"{Section}:BlockDirect", defaults.BlockDirect),
            ForceWebSockets = settings.Flag($"{Section}:ForceWebSockets", defaults.ForceWebSockets),
        };
    }

    private static List<DerpRegionOptions> ReadRegions(SettingsReader settings)
    {
        var regions = new List<DerpRegionOptions>();
        foreach (var child in settings.Children($"{Section}:Regions"))
        {
            var region = ReadRegion(settings, $"{Section}:Regions:{child}");
            if (regions.Any(other => other.Id == region.Id))
            {
                throw new SettingsException(
                    $"{Section}:Regions:{child}:Id", region.Id.ToString(CultureInfo.InvariantCulture), "another region has the same id");
            }

            regions.Add(region);
        }

        return regions;
    }

    private static DerpRegionOptions ReadRegion(SettingsReader settings, string name)
    {
        var id = settings.Number($"{name}:Id", 0, 0, int.MaxValue);
        if (id == 0)
        {
            throw new SettingsException($"{name}:Id", null, "a region needs an id; allowed is a whole number from 1");
        }

        var nodes = new List<DerpNodeOptions>();
        foreach (var child in settings.Children($"{name}:Nodes"))
        {
            var node = ReadNode(settings, $"{name}:Nodes:{child}", FormattableString.Invariant($"{id}-{nodes.Count + 1}"));
            if (nodes.Any(other => other.Name == node.Name))
            {
                throw new SettingsException($"{name}:Nodes:{child}:Name", node.Name, "another node of the region has the same name");
            }

            nodes.Add(node);
        }

        if (nodes.Count == 0)
        {
            throw new SettingsException($"{name}:Nodes", null, "a region needs at least one node");
        }

        var code = settings.Text($"{name}:Code") ?? FormattableString.Invariant($"region_{id}");
        return new DerpRegionOptions
        {
            Id = id,
            Code = code,
            Name = settings.Text($"{name}:Name") ?? code,
            Avoid = settings.Flag($"{name}:Avoid", false),
            Probe = settings.Flag($"{name}:Probe", false),
            Nodes = nodes,
        };
    }

    private static DerpNodeOptions ReadNode(SettingsReader settings, string name, string otherName)
    {
        var host = settings.Text($"{name}:HostName");
        if (host is null || Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            throw new SettingsException($"{name}:HostName", host, "a node needs the name or the address of a host");
        }

        return new DerpNodeOptions
        {
            Name = settings.Text($"{name}:Name") ?? otherName,
            HostName = host,
            CertName = settings.Text($"{name}:CertName") ?? "",
            IPv4 = Address(settings, $"{name}:IPv4"),
            IPv6 = Address(settings, $"{name}:IPv6"),
            DerpPort = settings.Number($"{name}:DerpPort", 0, 0, ushort.MaxValue),
            StunPort = settings.Text($"{name}:StunPort") == "off" ? -1 : settings.Number($"{name}:StunPort", 0, 0, ushort.MaxValue),
            StunOnly = settings.Flag($"{name}:StunOnly", false),
            ForceHttp = settings.Flag($"{name}:ForceHttp", false),
            CanPort80 = settings.Flag($"{name}:CanPort80", false),
        };
    }

    private static string Address(SettingsReader settings, string name) =>
        settings.Text(name) is not { } text ? ""
        : text == "none" || IPAddress.TryParse(text, out _) ? text
        : throw new SettingsException(name, text, "allowed is an IP address, or none");

    private static DnsEndPoint StunServer(string name, string text) =>
        Uri.TryCreate("stun://" + text, UriKind.Absolute, out var url)
        && url.PathAndQuery is "/" or ""
        && url.UserInfo.Length == 0
        && url.Port is > 0 and <= ushort.MaxValue
            ? new DnsEndPoint(url.IdnHost, url.Port)
            : throw new SettingsException(name, text, "allowed is host:port, such as stun.example.com:3478");

    private static Uri Url(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw new SettingsException(name, text, "allowed is an http or https URL, such as https://example.com/derpmap.json");
}
