using System.Net;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>The proxies that may announce a client's address (<c>Edge:TrustedProxies</c>): addresses and networks.</summary>
internal sealed class TrustedProxySet(IReadOnlyList<IPNetwork> networks)
{
    public const string SettingName = "Edge:TrustedProxies";

    public static TrustedProxySet None { get; } = new([]);

    /// <summary>The networks. IPv4 networks are never in IPv6-mapped form.</summary>
    public IReadOnlyList<IPNetwork> Networks => networks;

    /// <summary>Whether the set contains the address. An IPv4 address may be in IPv6-mapped form.</summary>
    public bool Contains(IPAddress? address)
    {
        if (address is null || networks.Count == 0)
        {
            return false;
        }

        var plain = Normalise(address);
        foreach (var network in networks)
        {
            if (network.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    /// <exception cref="SettingsException">An entry is neither an address nor a network.</exception>
    public static TrustedProxySet Read(SettingsReader reader)
    {
        var networks = new List<IPNetwork>();
        foreach (var entry in reader.List(SettingName))
        {
            networks.Add(TryParse(entry) ?? throw new SettingsException(
                SettingName, entry, "allowed are IP addresses and networks such as 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32"));
        }

        return networks.Count == 0 ? None : new TrustedProxySet(networks);
    }

    internal static IPAddress Normalise(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPNetwork? TryParse(string text)
    {
        if (!text.Contains('/', StringComparison.Ordinal))
        {
            if (!IPAddress.TryParse(text, out var address))
            {
                return null;
            }

            var plain = Normalise(address);

            // IPAddress.TryParse accepts "10" and "0x7f.1", which are probably typing errors here.
            return plain.ToString().Equals(text, StringComparison.OrdinalIgnoreCase) || text.Contains(':', StringComparison.Ordinal)
                ? new IPNetwork(plain, plain.GetAddressBytes().Length * 8)
                : null;
        }

        if (!IPNetwork.TryParse(text, out var network))
        {
            return null;
        }

        return !network.BaseAddress.IsIPv4MappedToIPv6 ? network
            : network.PrefixLength >= 96 ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - 96)
            : null;
    }
}
