using System.Net.Security;
using System.Security.Authentication;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Listeners;

/// <summary>The protocols of an endpoint, or of one of its server names (<c>Sni</c>).</summary>
/// <param name="Http">Versions of HTTP. Over TLS the client chooses one by ALPN (RFC 7301).</param>
/// <param name="Tls">Versions of TLS. <see cref="SslProtocols.None"/> means the operating system's choice.</param>
/// <param name="ClientCertificate">Whether the server asks clients for a certificate.</param>
internal sealed record EndpointProtocols(HttpProtocols Http, SslProtocols Tls, ClientCertificateMode ClientCertificate)
{
    /// <summary>HTTP/1.1 only: DERP clients give up on HTTP/2.</summary>
    public static readonly EndpointProtocols Default = new(HttpProtocols.Http1, SslProtocols.None, ClientCertificateMode.NoCertificate);

    /// <summary>Applies a section that <see cref="KestrelSettings"/> has checked. Values that the section lacks stay.</summary>
    public EndpointProtocols With(IConfigurationSection section)
    {
        var settings = new SettingsReader(section);
        var versions = settings.List("SslProtocols");
        return new EndpointProtocols(
            settings.Choice("Protocols", Http),
            versions.Count == 0
                ? Tls
                : versions.Aggregate(SslProtocols.None, static (all, one) => all | Enum.Parse<SslProtocols>(one, ignoreCase: true)),
            settings.Choice("ClientCertificateMode", ClientCertificate));
    }

    /// <summary>The options of one TLS handshake.</summary>
    public SslServerAuthenticationOptions Handshake(SslStreamCertificateContext certificate) => new()
    {
        ServerCertificateContext = certificate,
        EnabledSslProtocols = Tls,
        ApplicationProtocols =
        [
            .. Http.HasFlag(HttpProtocols.Http2) ? [SslApplicationProtocol.Http2] : Array.Empty<SslApplicationProtocol>(),
            .. Http.HasFlag(HttpProtocols.Http1) ? [SslApplicationProtocol.Http11] : Array.Empty<SslApplicationProtocol>(),
        ],
        ClientCertificateRequired = ClientCertificate is ClientCertificateMode.AllowCertificate or ClientCertificateMode.RequireCertificate,
        RemoteCertificateValidationCallback = ClientCertificate is ClientCertificateMode.NoCertificate ? null : IsAllowed,
    };

    // In the mode DelayCertificate the server asks the client only after the handshake.
    private bool IsAllowed(object sender, object? certificate, object? chain, SslPolicyErrors errors) =>
        certificate is null ? ClientCertificate is not ClientCertificateMode.RequireCertificate : errors is SslPolicyErrors.None;
}
