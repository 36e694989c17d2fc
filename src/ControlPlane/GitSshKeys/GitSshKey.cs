using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.GitSshKeys;

/// <summary>A user's key pair for git over SSH, in OpenSSH's formats.</summary>
/// <param name="PublicKey">One line as in <c>authorized_keys</c> (RFC 5656 §3.1).</param>
/// <param name="PrivateKey">SEC 1 PEM, which <c>ssh -i</c> reads.</param>
internal sealed record GitSshKey(string PublicKey, string PrivateKey)
{
    private const string Curve = "nistp256";
    private const string Algorithm = "ecdsa-sha2-" + Curve;

    // .NET has no Ed25519; git hosts support ECDSA on P-256 as widely.
    public static GitSshKey Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        byte[] uncompressed = [4, .. point.X!, .. point.Y!];
        byte[] blob =
        [
            .. SshString(Encoding.ASCII.GetBytes(Algorithm)),
            .. SshString(Encoding.ASCII.GetBytes(Curve)),
            .. SshString(uncompressed),
        ];
        return new GitSshKey($"{Algorithm} {Convert.ToBase64String(blob)}\n", key.ExportECPrivateKeyPem() + "\n");
    }

    // RFC 4251 §5: a length of four bytes, then the bytes.
    private static byte[] SshString(byte[] value)
    {
        var output = new byte[4 + value.Length];
        BinaryPrimitives.WriteInt32BigEndian(output, value.Length);
        value.CopyTo(output, 4);
        return output;
    }
}
