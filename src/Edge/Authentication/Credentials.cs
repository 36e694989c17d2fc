using System.Net;
using Microsoft.Extensions.Primitives;

namespace Edge.Authentication;

/// <summary>Finds the API's credentials in a request (tailnet.md §2.1). Nothing here is ever logged.</summary>
internal static class Credentials
{
    public const string SessionHeader = "Coder-Session-Token";
    public const string SessionName = "coder_session_token";
    public const string AccessTokenName = "access_token";

    private const string BearerPrefix = "Bearer ";

    /// <summary>
    /// The credential that the API server will look at: the first non-empty one of session cookie, session query parameter, session
    /// header, bearer token, <c>access_token</c> query parameter. Null when there is none, and when a place holds several,
    /// since servers differ in which one they take.
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

    /// <summary>Whether a session token is in its own places: header, cookie or query parameter.</summary>
    public static bool HasSession(HttpRequest request) =>
        Values(request.Headers[SessionHeader]).Any(NotEmpty)
        || Cookies(request.Headers.Cookie).Any(NotEmpty)
        || Query(request.QueryString.Value, SessionName).Any(NotEmpty);

    /// <summary>The token of <c>Authorization: Bearer</c>, or null.</summary>
    public static string? Bearer(HttpRequest request) => Bearers(request).FirstOrDefault(NotEmpty);

    /// <summary>The <c>access_token</c> query parameter, or null.</summary>
    public static string? AccessToken(HttpRequest request) => Query(request.QueryString.Value, AccessTokenName).FirstOrDefault(NotEmpty);

    /// <summary>The query string without its <c>access_token</c> pairs; every other byte stays as it was.</summary>
    public static QueryString WithoutAccessToken(QueryString query)
    {
        if (query.Value is not { Length: > 1 } text)
        {
            return query;
        }

        var kept = text[1..].Split('&').Where(static pair => !Name(pair).Equals(AccessTokenName, StringComparison.OrdinalIgnoreCase)).ToArray();
        return kept.Length == 0 ? QueryString.Empty : new QueryString("?" + string.Join('&', kept));
    }

    private static bool NotEmpty(string value) => value.Length > 0;

    /// <summary>False when there are several; otherwise the one value, or null when it is absent or empty.</summary>
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
                    // Quotes and escapes are undone, as some servers do: one token has one spelling here.
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
