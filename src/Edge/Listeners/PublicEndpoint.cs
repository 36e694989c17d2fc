using System.Net;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Listeners;

/// <summary>A public listener.</summary>
/// <param name="Address">The scheme, the address and the port.</param>
/// <param name="Section">The endpoint's section under <c>Kestrel:Endpoints</c>; null for an address in <c>urls</c>.</param>
internal sealed record PublicEndpoint(BindingAddress Address, IConfigurationSection? Section)
{
    public bool IsHttps => Address.Scheme == Uri.UriSchemeHttps;

    /// <summary>The IP address and port; null for a Unix socket, and for a host name, which means all addresses like <c>*</c>.</summary>
    public IPEndPoint? EndPoint => IsLocalhost ? new IPEndPoint(IPAddress.Loopback, Address.Port)
        : IPAddress.TryParse(Address.Host, out var address) ? new IPEndPoint(address, Address.Port)
        : null;

    private bool IsLocalhost => Address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>Parses the URL of a listener.</summary>
    /// <exception cref="SettingsException">The URL is not allowed; the error names <paramref name="setting"/>.</exception>
    public static BindingAddress Parse(string setting, string url)
    {
        try
        {
            var address = BindingAddress.Parse(url);
            if (address.Scheme is "http" or "https" && address.PathBase.Length == 0
                && address.Port <= IPEndPoint.MaxPort && !address.IsNamedPipe)
            {
                return address;
            }
        }
        catch (FormatException)
        {
            // A text that is no URL gets the same error as a URL that is not allowed.
        }

        throw new SettingsException(
            setting, url, "allowed are http and https URLs of an address and a port, such as http://127.0.0.1:8080");
    }

    /// <summary>Makes Kestrel listen on the address, by Kestrel's own rules for URLs.</summary>
    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> configure)
    {
        if (Address.IsUnixPipe)
        {
            kestrel.ListenUnixSocket(Address.UnixPipePath, configure);
        }
        else if (IsLocalhost)
        {
            kestrel.ListenLocalhost(Address.Port, configure);
        }
        else if (EndPoint is { } address)
        {
            kestrel.Listen(address, configure);
        }
        else
        {
            kestrel.ListenAnyIP(Address.Port, configure);
        }
    }
}
