using Edge.Http;

namespace Edge.Authentication;

/// <summary>
/// The headers with the identity of a verified token, for the API server. Only the edge may set them: clients' headers with these
/// names, or with names that some servers treat as the same (<c>X_Edge_Subject</c>), are removed from every request.
/// </summary>
internal static class IdentityHeaders
{
    public const string Subject = "X-Edge-Subject";
    public const string Issuer = "X-Edge-Issuer";

    /// <summary>OpenID Connect Core, 2: a subject has at most 255 ASCII characters. The same limit applies to issuers.</summary>
    private const int MaxLength = 255;

    /// <summary>Removes both headers, names that servers treat as the same, and these names from <c>Connection</c>.</summary>
    public static void Remove(IHeaderDictionary headers)
    {
        headers.RemoveWhere(IsIdentity);

        // Because of "Connection: X-Edge-Subject" a proxy behind this one would remove the header that the edge sets.
        if (headers.Connection.ToString().Contains("edge", StringComparison.OrdinalIgnoreCase))
        {
            headers.Connection = string.Join(
                ", ",
                headers.Connection.ToString()
                    .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    .Where(static token => !IsIdentity(token)));
        }
    }

    /// <summary>Whether a claim is allowed as a header's value: printable ASCII, no space at its ends, not too long.</summary>
    public static bool IsSafe(string value) =>
        value.Length is > 0 and <= MaxLength
        && !value.AsSpan().ContainsAnyExceptInRange(' ', '~')
        && value[0] != ' ' && value[^1] != ' ';

    private static bool IsIdentity(string name) => Same(name, Subject) || Same(name, Issuer);

    /// <summary>CGI and similar interfaces map every separator to the same character.</summary>
    private static bool Same(string name, string canonical)
    {
        if (name.Length != canonical.Length)
        {
            return false;
        }

        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i] is '_' or '.' ? '-' : name[i];
            if (char.ToLowerInvariant(c) != char.ToLowerInvariant(canonical[i]))
            {
                return false;
            }
        }

        return true;
    }
}
