using Edge.Http;

namespace Edge.Authentication;

/// <summary>
/// The headers that tell the API server who a verified token belongs to. Only the edge may set them: what clients send under
/// these names, or under names that some servers take for them (<c>X_Edge_Subject</c>), is removed from every request.
/// </summary>
internal static class IdentityHeaders
{
    public const string Subject = "X-Edge-Subject";
    public const string Issuer = "X-Edge-Issuer";

    /// <summary>OpenID Connect Core, 2: a subject is at most 255 ASCII characters. Issuers are held to the same form.</summary>
    private const int MaxLength = 255;

    /// <summary>Removes both headers, their look-alikes, and their names from <c>Connection</c>, where they would be hop-by-hop.</summary>
    public static void Strip(IHeaderDictionary headers)
    {
        headers.RemoveWhere(IsIdentity);

        // "Connection: X-Edge-Subject" would make a proxy behind this one drop the header that the edge sets.
        if (headers.Connection.ToString().Contains("edge", StringComparison.OrdinalIgnoreCase))
        {
            headers.Connection = string.Join(
                ", ",
                headers.Connection.ToString()
                    .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    .Where(static token => !IsIdentity(token)));
        }
    }

    /// <summary>Whether a claim can stand in a header as it is: printable ASCII, no space at its ends, not too long.</summary>
    public static bool IsSafe(string value) =>
        value.Length is > 0 and <= MaxLength
        && !value.AsSpan().ContainsAnyExceptInRange(' ', '~')
        && value[0] != ' ' && value[^1] != ' ';

    private static bool IsIdentity(string name) => Same(name, Subject) || Same(name, Issuer);

    /// <summary>CGI and its descendants map every separator to the same character.</summary>
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
