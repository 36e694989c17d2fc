using System.Net.Security;
using Edge.Connections;
using Edge.Derp.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Public;

/// <summary>
/// Puts a <see cref="CertificateFile"/> behind every certificate that Kestrel's section names by its path; where DERP is served, with the
/// meta-certificate at its chain's end. Puts TLS on those endpoints itself, since what keeps it for streams has to come right after it.
/// </summary>
internal sealed class EndpointCertificates(IConfiguration kestrel, TimeProvider time, ILogger logger, MetaChain? meta)
{
    public void Apply(KestrelServerOptions options)
    {
        if (Open(kestrel.GetSection("Certificates:Default")) is { } fallback)
        {
            options.ConfigureHttpsDefaults(https => Present(https, fallback));
        }

        var loader = options.Configure(kestrel, reloadOnChange: false);
        foreach (var endpoint in kestrel.GetSection("Endpoints").GetChildren())
        {
            var own = Open(endpoint.GetSection("Certificate"));
            loader.Endpoint(endpoint.Key, configuration =>
            {
                if (own is not null)
                {
                    Present(configuration.HttpsOptions, own);
                }

                // With certificates by name Kestrel has to choose; what it makes of them cannot be asked for.
                if (configuration.IsHttps && !endpoint.GetSection("Sni").GetChildren().Any())
                {
                    configuration.ListenOptions.UseHttps(configuration.HttpsOptions);
                    configuration.ListenOptions.KeepTls();
                }
            });
        }
    }

    private void Present(HttpsConnectionAdapterOptions https, CertificateFile file) =>
        https.OnAuthenticate = (ConnectionContext _, SslServerAuthenticationOptions tls) =>
        {
            tls.ServerCertificate = null;
            tls.ServerCertificateSelectionCallback = null;
            tls.ServerCertificateContext = meta?.Extend(file.Current) ?? file.Current;
        };

    private CertificateFile? Open(IConfigurationSection certificate) =>
        certificate["Path"] is { Length: > 0 } path ? new CertificateFile(path, certificate["KeyPath"], certificate["Password"], time, logger) : null;
}
