using System.Security.Cryptography.X509Certificates;

namespace ControlPlane.InstanceIdentity;

/// <summary>By what the identity of a cloud's instance is known. A cloud without certificates or keys here is refused.</summary>
public sealed record InstanceIdentityOptions
{
    /// <summary>
    /// AWS's own certificates, each trusted for itself: those of the regions, for the signature (RSA) or the PKCS#7 forms (RSA-2048, DSA).
    /// </summary>
    public IReadOnlyList<X509Certificate2> AwsCertificates { get; init; } = [];

    /// <summary>The authorities above Azure's signing certificates: self-signed ones are trusted, the others help to build the chain.</summary>
    public IReadOnlyList<X509Certificate2> AzureCertificates { get; init; } = [];

    /// <summary>The names that Azure signs under; names below them count as well. Default: those of Azure's four clouds.</summary>
    public IReadOnlyList<string> AzureCommonNames { get; init; } =
        ["metadata.azure.com", "metadata.azure.us", "metadata.azure.cn", "metadata.microsoftazure.de"];

    /// <summary>
    /// Where Google publishes the keys of its tokens as a JSON Web Key Set (RFC 7517 §5): an http or https URL, or a <c>file:</c> one.
    /// </summary>
    public Uri? GoogleKeys { get; init; }

    /// <summary>The audience that a Google token must be made for. Default: what agents ask for.</summary>
    public string GoogleAudience { get; init; } = "coder";

    /// <summary>The issuer that a Google token must name. Default: Google's.</summary>
    public string GoogleIssuer { get; init; } = "https://accounts.google.com";

    /// <summary>How long fetching Google's keys may take. Default 10 s.</summary>
    public TimeSpan GoogleFetchTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>By how much an instance's clock and this one may differ. Default 1 min.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest body of an identity request, in bytes; longer ones are 413. Default 65,536.</summary>
    public int MaxBodyBytes { get; init; } = 65_536;

    /// <summary>How many of the tokens that were given for an agent's instance stay valid, the newest ones. Default 16.</summary>
    public int MaxTokensPerAgent { get; init; } = 16;
}
