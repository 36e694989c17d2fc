using System.Net.Security;
using Edge.Derp.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Public;

/// <summary>
/// Puts a <see cref="CertificateFile"/> behind every certificate that Kestrel's section names by its path; where DERP is served, with the
/// meta-certificate at its chain's end.
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
            if (Open(endpoint.GetSection("Certificate")) is { } own)
            {
                loader.Endpoint(endpoint.Key, configuration => Present(configuration.HttpsOptions, own));
            }
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
