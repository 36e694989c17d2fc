using System.Net;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Listeners;

/// <summary>A public listener.</summary>
/// <param name="Address">Where it listens.</param>
/// <param name="Section">The section under <c>Kestrel:Endpoints</c> that says how; null for an address in <c>urls</c>.</param>
internal sealed record PublicEndpoint(BindingAddress Address, IConfigurationSection? Section)
{
    public bool IsHttps => Address.Scheme == Uri.UriSchemeHttps;

    /// <summary>The address; null for a name, which stands for every address as <c>*</c> does, and for a Unix socket.</summary>
    public IPEndPoint? EndPoint => IsLocalhost ? new IPEndPoint(IPAddress.Loopback, Address.Port)
        : IPAddress.TryParse(Address.Host, out var address) ? new IPEndPoint(address, Address.Port)
        : null;

    private bool IsLocalhost => Address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>The address of a URL that can be listened on.</summary>
    /// <exception cref="SettingsException">It is none; the error names <paramref name="setting"/>.</exception>
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
            // Not even a URL: the answer is the same.
        }

        throw new SettingsException(setting, url, "allowed are http and https URLs of an address and a port, such as http://127.0.0.1:8080");
    }

    /// <summary>Has Kestrel listen there, by the same rules by which it reads URLs itself.</summary>
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
