using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Listeners;

/// <summary>
/// Checks the section <c>Kestrel</c>. Its keys and values are those of Kestrel's own configuration; the keys that the edge
/// does not read are refused.
/// </summary>
internal static class KestrelSettings
{
    private const string Section = "Kestrel";
    private const string Endpoints = "Kestrel:Endpoints";
    private const string DefaultCertificate = "Kestrel:Certificates:Default";
    private static readonly string[] TlsVersions = [nameof(SslProtocols.None), nameof(SslProtocols.Tls12), nameof(SslProtocols.Tls13)];

    /// <summary>The allowed values of <c>Protocols</c>. HTTP/3 is not served.</summary>
    private enum Protocol
    {
        Http1,
        Http2,
        Http1AndHttp2,
    }

    /// <exception cref="SettingsException">A key or a value is not allowed.</exception>
    public static void Check(SettingsReader settings)
    {
        if (settings.Children($"{Section}:Limits").Count > 0)
        {
            throw new SettingsException($"{Section}:Limits", null, "the limits of the listeners are settings under Edge:Limits");
        }

        CheckProtocols(settings, $"{Section}:EndpointDefaults");
        var hasDefault = CheckCertificate(settings, DefaultCertificate);
        foreach (var name in settings.Children(Endpoints))
        {
            CheckEndpoint(settings, $"{Endpoints}:{name}", hasDefault);
        }

        settings.RefuseUnknownKeys(Section);
    }

    /// <summary>Whether the section names a certificate for <c>urls</c>.</summary>
    public static bool HasDefaultCertificate(IConfiguration configuration) =>
        configuration.GetSection(DefaultCertificate) is var section && (section["Path"] ?? section["Subject"]) is { Length: > 0 };

    private static void CheckEndpoint(SettingsReader settings, string name, bool hasDefault)
    {
        var url = settings.Text($"{name}:Url")
            ?? throw new SettingsException($"{name}:Url", null, "an endpoint needs its address, such as https://0.0.0.0:8443");
        var isHttps = PublicEndpoint.Parse($"{name}:Url", url).Scheme == Uri.UriSchemeHttps;
        var hasTls = CheckProtocols(settings, name);
        var hasOwn = CheckCertificate(settings, $"{name}:Certificate");
        var hosts = settings.Children($"{name}:Sni");
        var lacking = hosts.Count == 0 && !hasOwn ? $"{name}:Certificate" : null;
        foreach (var host in hosts)
        {
            CheckProtocols(settings, $"{name}:Sni:{host}");
            if (!CheckCertificate(settings, $"{name}:Sni:{host}:Certificate") && !hasOwn)
            {
                lacking = $"{name}:Sni:{host}:Certificate";
            }
        }

        if (isHttps && lacking is not null && !hasDefault)
        {
            throw new SettingsException(
                $"{name}:Url", url, $"https needs a certificate; set {lacking}:Path and KeyPath, or {DefaultCertificate}:Path and KeyPath");
        }

        if (!isHttps && (hasOwn || hasTls || hosts.Count > 0))
        {
            throw new SettingsException(
                $"{name}:Url",
                url,
                "Certificate, Sni, SslProtocols and ClientCertificateMode are for https; change the URL to https, or remove them");
        }
    }

    /// <summary>Returns whether the section has a setting of TLS.</summary>
    private static bool CheckProtocols(SettingsReader settings, string name)
    {
        settings.Choice($"{name}:Protocols", Protocol.Http1);
        settings.Choice($"{name}:ClientCertificateMode", ClientCertificateMode.NoCertificate);
        var versions = settings.List($"{name}:SslProtocols");
        if (versions.FirstOrDefault(static version => !TlsVersions.Contains(version, StringComparer.OrdinalIgnoreCase)) is { } unknown)
        {
            throw new SettingsException(
                $"{name}:SslProtocols",
                unknown,
                $"allowed is a list of {string.Join(", ", TlsVersions)} (None: the operating system's choice)");
        }

        return versions.Count > 0 || settings.Text($"{name}:ClientCertificateMode") is not null;
    }

    /// <summary>Returns whether the section names a certificate.</summary>
    private static bool CheckCertificate(SettingsReader settings, string name)
    {
        var (path, subject) = (settings.Text($"{name}:Path"), settings.Text($"{name}:Subject"));
        settings.Text($"{name}:Password");
        settings.Text($"{name}:Store");
        settings.Choice($"{name}:Location", StoreLocation.CurrentUser);
        settings.Flag($"{name}:AllowInvalid", false);
        if (path is not null && subject is not null)
        {
            throw new SettingsException(
                $"{name}:Subject", subject, "set either Path (a file) or Subject (in the certificate store), not both");
        }

        if (settings.Text($"{name}:KeyPath") is { } key && path is null)
        {
            throw new SettingsException($"{name}:KeyPath", key, $"a key needs its certificate; set {name}:Path");
        }

        return path is not null || subject is not null;
    }
}
