using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Derp;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace Edge.TailnetNode;

/// <summary>Converts the relays of a DERP map to targets, as Tailscale's clients understand the map (tailnet.md §4.2).</summary>
internal static class RelayTargets
{
    private const string FingerprintPrefix = "sha256-raw:";

    /// <summary>The target for a relay of a region.</summary>
    /// <param name="relay">A node of the region that relays packets.</param>
    /// <param name="token">The bearer token for the relay; null for none.</param>
    public static DerpTarget For(Node relay, string? token)
    {
        var port = relay.DerpPort > 0 ? (int)relay.DerpPort : relay.ForceHttp ? 80 : 443;
        var isDefault = port == (relay.ForceHttp ? 80 : 443);
        var authority = isDefault ? relay.HostName : string.Create(CultureInfo.InvariantCulture, $"{relay.HostName}:{port}");
        return new DerpTarget(DialHost(relay), port, authority, relay.ForceHttp ? null : TlsFor(relay), token);
    }

    /// <summary>The address in the map, if it has one, else the host name.</summary>
    private static string DialHost(Node relay) =>
        IPAddress.TryParse(relay.Ipv4, out _) ? relay.Ipv4
        : IPAddress.TryParse(relay.Ipv6, out _) ? relay.Ipv6
        : relay.HostName;

    private static SslClientAuthenticationOptions TlsFor(Node relay) => new()
    {
        TargetHost = relay.HostName,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            relay.InsecureForTests || IsTrusted(relay, certificate, errors),
    };

    // CertName replaces the name to verify, or gives the SHA-256 hash of a self-signed certificate.
    private static bool IsTrusted(Node relay, X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is null || relay.CertName.Length == 0)
        {
            return errors == SslPolicyErrors.None;
        }

        if (relay.CertName.StartsWith(FingerprintPrefix, StringComparison.Ordinal))
        {
            var hash = Convert.ToHexString(SHA256.HashData(certificate.GetRawCertData()));
            return hash.Equals(relay.CertName[FingerprintPrefix.Length..], StringComparison.OrdinalIgnoreCase);
        }

        return (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None
            && certificate is X509Certificate2 full
            && full.MatchesHostname(relay.CertName);
    }
}
