using System.Net;
using Microsoft.Extensions.Primitives;

namespace Edge.Authentication;

/// <summary>Finds the API's credentials in a request (tailnet.md §2.1). Credentials are never logged.</summary>
internal static class Credentials
{
    public const string SessionHeader = "Coder-Session-Token";
    public const string SessionName = "coder_session_token";
    public const string AccessTokenName = "access_token";

    private const string BearerPrefix = "Bearer ";

    /// <summary>
    /// The credential that the API server will use: the first non-empty one of session cookie, session query parameter, session header,
    /// bearer token and <c>access_token</c> query parameter. Null without one, and when one of these places has several, because
    /// servers differ in which of them they use.
    /// </summary>
    public static string? First(HttpRequest request)
    {
        var query = request.QueryString.Value;
        string? value;
        if (!TryOne(Cookies(request.Headers.Cookie), out value)
            || (value is null && !TryOne(Query(query, SessionName), out value))
            || (value is null && !TryOne(Values(request.Headers[SessionHeader]), out value))
            || (value is null && !TryOne(Bearers(request), out value))
            || (value is null && !TryOne(Query(query, AccessTokenName), out value)))
        {
            return null;
        }

        return value;
    }

    /// <summary>Whether the request has a session token in a header, cookie or query parameter of its own.</summary>
    public static bool HasSession(HttpRequest request) =>
        Values(request.Headers[SessionHeader]).Any(NotEmpty)
        || Cookies(request.Headers.Cookie).Any(NotEmpty)
        || Query(request.QueryString.Value, SessionName).Any(NotEmpty);

    /// <summary>The token of <c>Authorization: Bearer</c>; null without one.</summary>
    public static string? Bearer(HttpRequest request) => Bearers(request).FirstOrDefault(NotEmpty);

    /// <summary>The <c>access_token</c> query parameter; null without one.</summary>
    public static string? AccessToken(HttpRequest request) =>
        Query(request.QueryString.Value, AccessTokenName).FirstOrDefault(NotEmpty);

    /// <summary>The query string without its <c>access_token</c> pairs. Every other byte stays.</summary>
    public static QueryString WithoutAccessToken(QueryString query)
    {
        if (query.Value is not { Length: > 1 } text)
        {
            return query;
        }

        var others = text[1..].Split('&')
            .Where(static pair => !Name(pair).Equals(AccessTokenName, StringComparison.OrdinalIgnoreCase))
            .ToArray();
        return others.Length == 0 ? QueryString.Empty : new QueryString("?" + string.Join('&', others));
    }

    private static bool NotEmpty(string value) => value.Length > 0;

    /// <summary>Gets the only value, or null when it is absent or empty. False when there are several values.</summary>
    private static bool TryOne(IEnumerable<string> values, out string? value)
    {
        value = null;
        var found = 0;
        foreach (var candidate in values)
        {
            found++;
            value = candidate.Length > 0 ? candidate : value;
        }

        return found <= 1;
    }

    private static IEnumerable<string> Values(StringValues header) => header.Select(static value => (value ?? string.Empty).Trim());

    private static IEnumerable<string> Bearers(HttpRequest request) =>
        Values(request.Headers.Authorization)
            .Where(static value => value.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase))
            .Select(static value => value[BearerPrefix.Length..].Trim());

    private static IEnumerable<string> Cookies(StringValues headers)
    {
        foreach (var header in headers)
        {
            foreach (var cookie in (header ?? string.Empty).Split(';'))
            {
                var equals = cookie.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0 && cookie.AsSpan(0, equals).Trim().Equals(SessionName, StringComparison.OrdinalIgnoreCase))
                {
                    // Some servers remove quotes and escapes, so these are removed here too: one token must not have two spellings.
                    yield return WebUtility.UrlDecode(cookie[(equals + 1)..].Trim().Trim('"'));
                }
            }
        }
    }

    private static IEnumerable<string> Query(string? query, string name)
    {
        if (query is not { Length: > 1 })
        {
            yield break;
        }

        foreach (var pair in query[1..].Split('&'))
        {
            if (Name(pair).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                yield return equals < 0 ? string.Empty : WebUtility.UrlDecode(pair[(equals + 1)..]).Trim();
            }
        }
    }

    private static string Name(string pair)
    {
        var equals = pair.IndexOf('=', StringComparison.Ordinal);
        return WebUtility.UrlDecode(equals < 0 ? pair : pair[..equals]);
    }
}
