using System.Net;
using Edge.Derp.Tls;
using Edge.Http;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>
/// The public listeners: <c>Kestrel:Endpoints</c>, or else <c>--urls</c>. All are bound here, in code, so that each has the same steps: the
/// connection limits, TLS where its scheme is https, HTTP.
/// </summary>
internal sealed class PublicListeners
{
    private const string Urls = "urls";

    // RFC 9112 §2.2 allows a lone line feed as a line's end, and servers that do not take it see other headers. Kestrel offers no
    // other way to switch it off.
    private const string NoBareLineFeeds = "Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators";

    private readonly IConfiguration _configuration;
    private readonly EdgeConnectionOptions _connections;
    private readonly EdgeLimits _limits;
    private readonly string? _urls;
    private readonly PublicEndpoint[] _endpoints;
    private readonly bool _hasEndpoints;

    /// <exception cref="SettingsException">An address cannot be listened on.</exception>
    public PublicListeners(IConfiguration configuration, EdgeConnectionOptions connections, EdgeLimits limits)
    {
        (_configuration, _connections, _limits) = (configuration, connections, limits);
        _urls = configuration[Urls] is { Length: > 0 } urls ? urls : null;
        var fromUrls = FromUrls(_urls ?? EdgeOptions.DefaultUrls);
        _endpoints =
        [
            .. configuration.GetSection("Kestrel:Endpoints").GetChildren()
                .Select(static endpoint => new PublicEndpoint(PublicEndpoint.Parse($"{endpoint.Path}:Url", endpoint["Url"] ?? string.Empty), endpoint)),
        ];
        _hasEndpoints = _endpoints.Length > 0;
        if (_hasEndpoints)
        {
            return;
        }

        _endpoints = fromUrls;
        if (!KestrelSettings.HasDefaultCertificate(configuration) && fromUrls.FirstOrDefault(static endpoint => endpoint.IsHttps) is { } https)
        {
            throw new SettingsException(
                Urls, https.Address.ToString(), "https needs a certificate; set Kestrel:Certificates:Default:Path and KeyPath, or use Kestrel:Endpoints");
        }
    }

    /// <summary>The addresses that are listened on; null for one that is a name, or every address.</summary>
    public IEnumerable<IPEndPoint?> EndPoints => _endpoints.Select(static endpoint => endpoint.EndPoint);

    /// <summary>The setting that the listeners come from.</summary>
    public string Setting => _hasEndpoints ? "Kestrel" : Urls;

    /// <summary>The first of <c>--urls</c>, when clients could call it as it stands there: with a port, and not "any address".</summary>
    public Uri? First => !_hasEndpoints && !_endpoints[0].Address.IsUnixPipe && Uri.TryCreate(_endpoints[0].Address.ToString(), UriKind.Absolute, out var url)
        && url.Port != 0 && url.Host is not ("0.0.0.0" or "[::]") ? url : null;

    public void Apply(WebApplicationBuilder builder)
    {
        builder.Services.AddEdgeConnections(_connections);
        if (_hasEndpoints && _urls is not null)
        {
            // Kestrel warns that these are not listened on.
            builder.WebHost.UseUrls(_urls);
        }

        AppContext.SetSwitch(NoBareLineFeeds, true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            HeaderBytes.Apply(kestrel);
            _limits.Apply(kestrel.Limits);
            var services = kestrel.ApplicationServices;
            var tls = new EndpointTls(
                _configuration.GetSection("Kestrel"),
                services.GetRequiredService<TimeProvider>(),
                services.GetRequiredService<ILogger<CertificateFile>>(),
                services.GetService<MetaChain>());
            foreach (var endpoint in _endpoints)
            {
                endpoint.Listen(kestrel, listen =>
                {
                    listen.UseEdgeConnections();
                    tls.Apply(endpoint, listen);
                });
            }
        });
    }

    private static PublicEndpoint[] FromUrls(string urls)
    {
        PublicEndpoint[] endpoints =
        [
            .. urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(static url => new PublicEndpoint(PublicEndpoint.Parse(Urls, url), Section: null)),
        ];
        return endpoints.Length > 0 ? endpoints : throw new SettingsException(Urls, urls, "no address is in it; one such as http://127.0.0.1:8080 is needed");
    }
}
