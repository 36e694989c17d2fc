using System.Net;
using Edge.Settings;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>Verification of JSON Web Tokens at the edge (<c>Edge:Authentication:Jwt</c>).</summary>
internal sealed record EdgeJwtOptions
{
    private const string Section = "Edge:Authentication:Jwt";

    /// <summary>
    /// <c>MetadataAddress</c>, or the authority's <c>.well-known/openid-configuration</c>; null with <see
    /// cref="SigningKeys"/>.
    /// </summary>
    public Uri? MetadataAddress { get; init; }

    /// <summary><c>SigningKeys</c>: PEM files of public keys or certificates, or <c>base64:</c> secrets of 32 bytes or more.</summary>
    public IReadOnlyList<SecurityKey> SigningKeys { get; init; } = [];

    /// <summary><c>Audience</c>: the required <c>aud</c> of tokens. Always set.</summary>
    public required string Audience { get; init; }

    /// <summary>
    /// <c>Issuer</c>: the required <c>iss</c> of tokens. Always set with signing keys; the default is the issuer of the authority's
    /// metadata.
    /// </summary>
    public string? Issuer { get; init; }

    /// <summary>
    /// <c>RejectUnverified</c>: refuse requests with a session token but without a valid JWT, instead of forwarding them to the API
    /// server. Default false.
    /// </summary>
    public bool RejectUnverified { get; init; }

    /// <summary><c>ForwardToken</c>: forward a verified JWT to the API server. Default false: the JWT is removed.</summary>
    public bool ForwardToken { get; init; }

    /// <summary><c>RequireHttpsMetadata</c>: default true, except for an authority on a loopback address.</summary>
    public bool RequireHttpsMetadata { get; init; } = true;

    /// <summary><c>Edge:Authentication:Policies</c>.</summary>
    public IReadOnlyList<PathPolicy> Policies { get; init; } = [];

    /// <summary>The time for a fetch of the authority's metadata and keys.</summary>
    public TimeSpan FetchTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Reads the settings; null without any, when only the API server decides.</summary>
    /// <exception cref="SettingsException">A value is not allowed. The message contains no keys.</exception>
    public static EdgeJwtOptions? Read(SettingsReader reader)
    {
        var authority = reader.Text($"{Section}:Authority");
        var metadata = reader.Text($"{Section}:MetadataAddress");
        var keys = reader.List($"{Section}:SigningKeys");
        var audience = reader.Text($"{Section}:Audience");
        var issuer = reader.Text($"{Section}:Issuer");
        var rejectUnverified = reader.Flag($"{Section}:RejectUnverified", false);
        var forwardToken = reader.Flag($"{Section}:ForwardToken", false);
        const string RequireHttpsName = $"{Section}:RequireHttpsMetadata";
        var requireHttps = reader.Text(RequireHttpsName) is null ? (bool?)null : reader.Flag(RequireHttpsName, true);
        var policies = PathPolicies.Read(reader);
        if (reader.Children(Section).Count == 0)
        {
            return policies.Count == 0 ? null
                : throw new SettingsException(
                    "Edge:Authentication:Policies", null, $"policies need {Section}: an Authority or SigningKeys, and an Audience");
        }

        if (keys.Count > 0 == (authority is not null || metadata is not null))
        {
            throw new SettingsException(Section, null, "set either an Authority (or MetadataAddress) or SigningKeys, not both");
        }

        if (audience is null)
        {
            throw new SettingsException($"{Section}:Audience", null, "the audience that tokens are issued for is required");
        }

        if (keys.Count > 0 && issuer is null)
        {
            throw new SettingsException($"{Section}:Issuer", null, "the issuer of the tokens is required with SigningKeys");
        }

        var options = new EdgeJwtOptions
        {
            SigningKeys = [.. keys.Select((key, index) => SigningKeyFile.Read($"{Section}:SigningKeys:{index}", key))],
            Audience = audience,
            Issuer = issuer,
            RejectUnverified = rejectUnverified,
            ForwardToken = forwardToken,
            Policies = policies,
        };
        if (keys.Count > 0)
        {
            return options;
        }

        var (name, text) = metadata is not null
            ? ($"{Section}:MetadataAddress", metadata)
            : ($"{Section}:Authority", $"{authority!.TrimEnd('/')}/.well-known/openid-configuration");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https")
            || address.UserInfo.Length > 0)
        {
            throw new SettingsException(name, metadata ?? authority, "allowed is an http or https URL without credentials");
        }

        var loopback = address.IsLoopback || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip));
        var https = requireHttps ?? !loopback;
        if (https && address.Scheme != "https")
        {
            throw new SettingsException(
                name,
                metadata ?? authority,
                "allowed is an https URL; http only on a loopback address or with RequireHttpsMetadata false");
        }

        return options with { MetadataAddress = address, RequireHttpsMetadata = https };
    }
}
