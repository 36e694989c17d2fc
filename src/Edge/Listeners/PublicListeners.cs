using System.Net;
using Edge.Derp.Tls;
using Edge.Http;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>
/// The public listeners, from <c>Kestrel:Endpoints</c> or else from <c>--urls</c>. Code binds all of them, so that each has the
/// same layers: the connection limits, TLS where the scheme is https, HTTP.
/// </summary>
internal sealed class PublicListeners
{
    private const string Urls = "urls";

    // RFC 9112 §2.2 allows a lone line feed as a line terminator. A server that does not accept it reads other headers than one that
    // does (request smuggling). Kestrel has no other switch for this.
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
            .. configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(static endpoint => new PublicEndpoint(
                PublicEndpoint.Parse($"{endpoint.Path}:Url", endpoint["Url"] ?? string.Empty), endpoint)),
        ];
        _hasEndpoints = _endpoints.Length > 0;
        if (_hasEndpoints)
        {
            return;
        }

        _endpoints = fromUrls;
        if (!KestrelSettings.HasDefaultCertificate(configuration)
            && fromUrls.FirstOrDefault(static endpoint => endpoint.IsHttps) is { } https)
        {
            throw new SettingsException(
                Urls,
                https.Address.ToString(),
                "https needs a certificate; set Kestrel:Certificates:Default:Path and KeyPath, or use Kestrel:Endpoints");
        }
    }

    /// <summary>The addresses of the listeners; null for a host name, for all addresses and for a Unix socket.</summary>
    public IEnumerable<IPEndPoint?> EndPoints => _endpoints.Select(static endpoint => endpoint.EndPoint);

    /// <summary>The setting that names the listeners.</summary>
    public string Setting => _hasEndpoints ? "Kestrel" : Urls;

    /// <summary>
    /// The first address of <c>--urls</c> when clients can use it as it is: it has a port, and its host is not "any address".
    /// Otherwise null.
    /// </summary>
    public Uri? First => !_hasEndpoints
        && !_endpoints[0].Address.IsUnixPipe
        && Uri.TryCreate(_endpoints[0].Address.ToString(), UriKind.Absolute, out var url)
        && url.Port != 0
        && url.Host is not ("0.0.0.0" or "[::]")
            ? url
            : null;

    public void Apply(WebApplicationBuilder builder)
    {
        builder.Services.AddEdgeConnections(_connections);
        if (_hasEndpoints && _urls is not null)
        {
            // Kestrel then logs a warning that these addresses are overridden.
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
        return endpoints.Length > 0
            ? endpoints
            : throw new SettingsException(Urls, urls, "the list is empty; it needs an address such as http://127.0.0.1:8080");
    }
}
