using System.Net.Security;
using System.Security.Authentication;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Listeners;

/// <summary>What an endpoint speaks, or one of its server names (<c>Sni</c>).</summary>
/// <param name="Http">Versions of HTTP; over TLS the client chooses by ALPN (RFC 7301).</param>
/// <param name="Tls">Versions of TLS; <see cref="SslProtocols.None"/> is what the system allows.</param>
/// <param name="ClientCertificate">Whether the client is asked for a certificate.</param>
internal sealed record EndpointProtocols(HttpProtocols Http, SslProtocols Tls, ClientCertificateMode ClientCertificate)
{
    /// <summary>HTTP/1.1, because DERP clients give up on HTTP/2.</summary>
    public static readonly EndpointProtocols Default = new(HttpProtocols.Http1, SslProtocols.None, ClientCertificateMode.NoCertificate);

    /// <summary>What a section says, which <see cref="KestrelSettings"/> has checked. What it does not say stays as it is here.</summary>
    public EndpointProtocols With(IConfigurationSection section)
    {
        var settings = new SettingsReader(section);
        var versions = settings.List("SslProtocols");
        return new EndpointProtocols(
            settings.Choice("Protocols", Http),
            versions.Count == 0 ? Tls : versions.Aggregate(SslProtocols.None, static (all, one) => all | Enum.Parse<SslProtocols>(one, ignoreCase: true)),
            settings.Choice("ClientCertificateMode", ClientCertificate));
    }

    /// <summary>How the server side of one TLS handshake goes on.</summary>
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

    // With the mode DelayCertificate the client is asked after the handshake.
    private bool IsAllowed(object sender, object? certificate, object? chain, SslPolicyErrors errors) =>
        certificate is null ? ClientCertificate is not ClientCertificateMode.RequireCertificate : errors is SslPolicyErrors.None;
}
