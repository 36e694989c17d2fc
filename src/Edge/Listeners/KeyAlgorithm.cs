using System.Security.Cryptography;

namespace Edge.Listeners;

/// <summary>The key algorithms that .NET's TLS supports, and the names of others for error messages.</summary>
internal static class KeyAlgorithm
{
    public const string Rsa = "1.2.840.113549.1.1.1";
    public const string EllipticCurve = "1.2.840.10045.2.1";
    public const string Allowed = "allowed are RSA and ECDSA keys";

    /// <summary>The common name of an algorithm.</summary>
    public static string Name(Oid algorithm) => algorithm.Value switch
    {
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        _ => algorithm.FriendlyName ?? algorithm.Value ?? "of an unknown kind",
    };
}
