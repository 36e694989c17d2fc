using System.Net.Security;
using Edge.Connections;
using Edge.Derp.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Public;

/// <summary>
/// Puts a <see cref="CertificateFile"/> behind every certificate that Kestrel's section names by its path; where DERP is served, with the
/// meta-certificate at its chain's end. Puts TLS on those endpoints itself, since what keeps it for streams has to come right after it.
/// Kestrel reads no certificate file: it takes fewer forms, and would not read them again.
/// </summary>
internal sealed class EndpointCertificates(IConfiguration kestrel, TimeProvider time, ILogger logger, MetaChain? meta)
{
    public void Apply(KestrelServerOptions options)
    {
        var fallback = Choice.Of(kestrel.GetSection("Certificates:Default"), Open);
        if (fallback.File is not null)
        {
            options.ConfigureHttpsDefaults(https => Present(https, _ => fallback));
        }

        var loader = options.Configure(KestrelSettings.WithoutCertificateFiles(kestrel), reloadOnChange: false);
        foreach (var endpoint in kestrel.GetSection("Endpoints").GetChildren())
        {
            var own = Choice.Of(endpoint.GetSection("Certificate"), Open).Or(fallback);
            var sni = endpoint.GetSection("Sni").GetChildren().ToDictionary(
                static name => name.Key, name => Choice.Of(name.GetSection("Certificate"), Open).Or(own));
            var names = new ServerNames<Choice>(sni);
            loader.Endpoint(endpoint.Key, configuration =>
            {
                Present(configuration.HttpsOptions, name => names.Find(name) ?? own);

                // With certificates by name Kestrel has to choose; what it makes of them cannot be asked for.
                if (configuration.IsHttps && sni.Count == 0)
                {
                    configuration.ListenOptions.UseHttps(configuration.HttpsOptions);
                    configuration.ListenOptions.KeepTls();
                }
            });
        }
    }

    private void Present(HttpsConnectionAdapterOptions https, Func<string?, Choice> choose)
    {
        // Kestrel asks for a certificate before it lets OnAuthenticate choose the context.
        var stored = https.ServerCertificate;
        https.ServerCertificateSelector = (_, name) => choose(name).File?.Current.TargetCertificate ?? stored;
        https.OnAuthenticate = (ConnectionContext connection, SslServerAuthenticationOptions tls) =>
        {
            if (choose(connection.Features.Get<ITlsHandshakeFeature>()?.HostName).File is { } file)
            {
                tls.ServerCertificate = null;
                tls.ServerCertificateSelectionCallback = null;
                tls.ServerCertificateContext = meta?.Extend(file.Current) ?? file.Current;
            }
        };
    }

    private CertificateFile? Open(IConfigurationSection section) =>
        CertificateSource.From(section) is { } source ? new CertificateFile(source, time, logger) : null;

    /// <summary>What a section says: a file, a certificate of the machine's store, which is Kestrel's business, or nothing.</summary>
    private sealed record Choice(CertificateFile? File, bool IsStored)
    {
        public static Choice Of(IConfigurationSection section, Func<IConfigurationSection, CertificateFile?> open) =>
            new(open(section), !string.IsNullOrEmpty(section["Subject"]));

        public Choice Or(Choice other) => File is null && !IsStored ? other : this;
    }
}
