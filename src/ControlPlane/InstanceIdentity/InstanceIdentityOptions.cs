using System.Security.Cryptography.X509Certificates;

namespace ControlPlane.InstanceIdentity;

/// <summary>The certificates and keys that verify instance identities. Identities of a cloud without any of them are refused.</summary>
public sealed record InstanceIdentityOptions
{
    /// <summary>
    /// The certificates that AWS publishes for each region, each trusted directly: for the RSA signature, or for the PKCS#7 forms
    /// (RSA-2048, DSA).
    /// </summary>
    public IReadOnlyList<X509Certificate2> AwsCertificates { get; init; } = [];

    /// <summary>
    /// The authorities of Azure's signing certificates. Self-signed ones are trusted roots, and the others are intermediates.
    /// </summary>
    public IReadOnlyList<X509Certificate2> AzureCertificates { get; init; } = [];

    /// <summary>The common names of Azure's signers. Subdomains count as well. Default: the names of Azure's four clouds.</summary>
    public IReadOnlyList<string> AzureCommonNames { get; init; } =
        ["metadata.azure.com", "metadata.azure.us", "metadata.azure.cn", "metadata.microsoftazure.de"];

    /// <summary>
    /// The URL of the JSON Web Key Set (RFC 7517 §5) with the keys of Google's tokens: <c>https:</c>, <c>http:</c> or <c>file:</c>.
    /// </summary>
    public Uri? GoogleKeys { get; init; }

    /// <summary>The audience that a Google token must name. Default: the one that agents request.</summary>
    public string GoogleAudience { get; init; } = "coder";

    /// <summary>The issuer that a Google token must name. Default: Google's.</summary>
    public string GoogleIssuer { get; init; } = "https://accounts.google.com";

    /// <summary>The timeout of a fetch of Google's keys. Default 10 s.</summary>
    public TimeSpan GoogleFetchTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The allowed difference between a cloud's clock and this server's. Default 1 min.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest body of an identity request, in bytes. Longer ones get 413. Default 65,536.</summary>
    public int MaxBodyBytes { get; init; } = 65_536;

    /// <summary>The most tokens of an agent that instances got and that are valid. A new one replaces the oldest. Default 16.</summary>
    public int MaxTokensPerAgent { get; init; } = 16;
}
