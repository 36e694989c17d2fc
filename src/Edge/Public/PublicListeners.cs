using System.Net;
using Edge.Connections;
using Edge.Derp.Tls;
using Edge.Hosting;
using Edge.Http;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Public;

/// <summary>
/// The public listeners: <c>--urls</c>, or Kestrel's own <c>Kestrel:Endpoints</c> with certificates that are read again when
/// their files change. HTTP/1.1 unless an endpoint says otherwise, because DERP clients give up on h2.
/// </summary>
internal sealed class PublicListeners(IConfiguration configuration, NodeSettings settings)
{
    private const string Urls = "urls";

    // RFC 9112 §2.2 allows a lone line feed as a line's end, and servers that do not take it see other headers. Kestrel offers no
    // other way to switch it off.
    private const string NoBareLineFeeds = "Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators";

    private readonly string? _urls = configuration[Urls] is { Length: > 0 } urls ? urls
        : configuration.GetSection("Kestrel:Endpoints").GetChildren().Any() ? null
        : EdgeOptions.DefaultUrls;

    /// <summary>The addresses that are listened on; null for one that is a name, or every address.</summary>
    public IEnumerable<IPEndPoint?> EndPoints
    {
        get
        {
            var urls = _urls?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                ?? configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(static endpoint => endpoint["Url"] ?? string.Empty);
            return urls.Select(static url => Uri.TryCreate(url, UriKind.Absolute, out var parsed)
                ? parsed.Host == "localhost" ? new IPEndPoint(IPAddress.Loopback, parsed.Port)
                : IPAddress.TryParse(parsed.Host.Trim('[', ']'), out var address) ? new IPEndPoint(address, parsed.Port)
                : null
                : null);
        }
    }

    /// <summary>The setting that the listeners come from.</summary>
    public string Setting => _urls is null ? "Kestrel" : Urls;

    /// <summary>The first of <c>--urls</c>, when clients could call it as it stands there: with a port, and not "any address".</summary>
    public Uri? First => Uri.TryCreate(_urls?.Split(';')[0], UriKind.Absolute, out var url) && url.Port != 0 && url.Host is not ("0.0.0.0" or "[::]") ? url : null;

    /// <summary>Stops the start at an address that cannot be listened on.</summary>
    public void Validate()
    {
        // With endpoints of its own Kestrel does not listen on these.
        var isHttpsAllowed = KestrelSettings.HasDefaultCertificate(configuration)
            || configuration.GetSection("Kestrel:Endpoints").GetChildren().Any();
        foreach (var url in _urls?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [])
        {
            if (Parse(Urls, url).Scheme == Uri.UriSchemeHttps && !isHttpsAllowed)
            {
                throw new SettingsException(
                    Urls, url, "https needs a certificate; set Kestrel:Certificates:Default:Path and KeyPath, or use Kestrel:Endpoints");
            }
        }
    }

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

    public void Apply(WebApplicationBuilder builder)
    {
        builder.Services.AddEdgeConnections(settings.Connections);
        builder.WebHost.UseKestrelHttpsConfiguration();
        if (_urls is not null)
        {
            builder.WebHost.UseUrls(_urls);
        }

        AppContext.SetSwitch(NoBareLineFeeds, true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            HeaderBytes.Apply(kestrel);
            settings.Limits.Apply(kestrel.Limits);
            kestrel.ConfigureEndpointDefaults(listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.UseEdgeConnections();
            });
            var services = kestrel.ApplicationServices;
            new EndpointCertificates(
                configuration.GetSection("Kestrel"),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<ILogger<CertificateFile>>(),
                services.GetService<MetaChain>()).Apply(kestrel);
        });
    }
}
