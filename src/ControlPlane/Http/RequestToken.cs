using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>Finds the request's session or agent token, in the order of tailnet.md §2.1.</summary>
internal static class RequestToken
{
    public const string CookieName = "coder_session_token";

    private const string HeaderName = "Coder-Session-Token";
    private const string Bearer = "Bearer ";

    /// <summary>
    /// The first token that is not empty, even where a later one is valid and it is not: a stale cookie wins over a good header. Empty
    /// without a token.
    /// </summary>
    public static string Find(HttpRequest request)
    {
        if (request.Cookies[CookieName] is { Length: > 0 } cookie)
        {
            return cookie;
        }

        if (First(request.Query[CookieName]) is { Length: > 0 } query)
        {
            return query;
        }

        if (First(request.Headers[HeaderName]) is { Length: > 0 } header)
        {
            return header;
        }

        var authorization = First(request.Headers.Authorization);
        return authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && authorization.Length > Bearer.Length
            ? authorization[Bearer.Length..].Trim()
            : First(request.Query["access_token"]);
    }

    private static string First(Microsoft.Extensions.Primitives.StringValues values) => values.Count > 0 ? values[0] ?? "" : "";
}
