using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Derp.Wire;

namespace Edge.Derp.Tls;

/// <summary>
/// The certificate that tells clients the relay's key in the TLS handshake, so that they begin at once (derp.md §1.3, §1.5). Nobody
/// checks its signature: it is a note, in the only place of a handshake where a server can put one.
/// </summary>
internal sealed class MetaCertificate(NodeKey key, TimeProvider time)
{
    private const string NamePrefix = "derpkey";

    // The serial number is the protocol's version; clients demand at most 8 bits that are not zero.
    private const byte Serial = 2;

    private static readonly TimeSpan Validity = TimeSpan.FromDays(30);

    // Half of what is left of it.
    private static readonly TimeSpan RenewAfter = TimeSpan.FromDays(15);

    private readonly Lock _lock = new();
    private X509Certificate2? _current;
    private DateTimeOffset _madeAt;

    /// <summary>The certificate, without its private key, which nothing is ever signed with again. A new one long before the old one expires.</summary>
    public X509Certificate2 Current
    {
        get
        {
            lock (_lock)
            {
                var now = time.GetUtcNow();
                if (_current is null || now - _madeAt >= RenewAfter)
                {
                    // The old one may be in a handshake; it is left to the garbage collector.
                    (_current, _madeAt) = (Make(now), now);
                }

                return _current;
            }
        }
    }

    private X509Certificate2 Make(DateTimeOffset now)
    {
        // derper's is Ed25519, which .NET cannot make; any kind that Go can read will do.
        using var signer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedName($"CN={NamePrefix}{key.ToHex()}");
        var request = new CertificateRequest(name, signer, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        return request.Create(name, X509SignatureGenerator.CreateForECDsa(signer), now - Validity, now + Validity, [Serial]);
    }
}
