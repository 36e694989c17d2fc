using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Derp.Wire;

namespace Edge.Derp.Tls;

/// <summary>
/// The certificate that announces the relay's key in the TLS handshake and saves clients a round trip (derp.md §1.3, §1.5). No
/// client verifies its signature: a certificate is the only field of the handshake in which a server can put the key.
/// </summary>
internal sealed class MetaCertificate(NodeKey key, TimeProvider time)
{
    private const string NamePrefix = "derpkey";

    // The serial number is the protocol's version. Clients accept at most 8 significant bits.
    private const byte Serial = 2;

    private static readonly TimeSpan Validity = TimeSpan.FromDays(30);

    // Half of the time that remains.
    private static readonly TimeSpan RenewAfter = TimeSpan.FromDays(15);

    private readonly Lock _lock = new();
    private X509Certificate2? _current;
    private DateTimeOffset _madeAt;

    /// <summary>
    /// The certificate without its private key, which signs nothing else. It is renewed long before it expires.
    /// </summary>
    public X509Certificate2 Current
    {
        get
        {
            lock (_lock)
            {
                var now = time.GetUtcNow();
                if (_current is null || now - _madeAt >= RenewAfter)
                {
                    // The old certificate may be in use by a handshake, so the garbage collector disposes of it.
                    (_current, _madeAt) = (Make(now), now);
                }

                return _current;
            }
        }
    }

    private X509Certificate2 Make(DateTimeOffset now)
    {
        // Derper's key is Ed25519, which .NET cannot create. Clients accept every algorithm that Go can parse.
        using var signer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedName($"CN={NamePrefix}{key.ToHex()}");
        var request = new CertificateRequest(name, signer, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        return request.Create(name, X509SignatureGenerator.CreateForECDsa(signer), now - Validity, now + Validity, [Serial]);
    }
}
