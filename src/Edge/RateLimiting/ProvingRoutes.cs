namespace Edge.RateLimiting;

/// <summary>
/// Routes on which a successful answer proves that the API server has accepted the request's credential. The list is short on
/// purpose: log-in, first user, build information, instance identity and similar routes succeed with any credential.
/// </summary>
internal static class ProvingRoutes
{
    private const string Agents = "/api/v2/workspaceagents/";

    private static readonly string[] OpenAgentRoutes =
        ["aws-instance-identity", "azure-instance-identity", "google-instance-identity", "derp-map"];

    /// <summary>Whether the path is one of the routes. The match is exact, because servers differ in case and escapes.</summary>
    /// <param name="rawPath">The path as it is forwarded.</param>
    public static bool Contains(ReadOnlySpan<char> rawPath)
    {
        foreach (var c in rawPath)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('/' or '-' or '_'))
            {
                return false;
            }
        }

        if (rawPath.Contains("//", StringComparison.Ordinal))
        {
            return false;
        }

        if (rawPath is "/api/v2/tailnet" or "/api/v2/users" or "/api/v2/users/me"
            || rawPath.StartsWith("/api/v2/users/me/", StringComparison.Ordinal))
        {
            return true;
        }

        if (!rawPath.StartsWith(Agents, StringComparison.Ordinal))
        {
            return false;
        }

        // A signed app token also opens a terminal, even with an invalid credential beside it.
        var rest = rawPath[Agents.Length..];
        return rest.Length > 0
            && !rest.EndsWith("/pty", StringComparison.Ordinal)
            && !rest.Contains("/pty/", StringComparison.Ordinal)
            && !IsOpen(rest);
    }

    private static bool IsOpen(ReadOnlySpan<char> rest)
    {
        var slash = rest.IndexOf('/');
        var route = slash < 0 ? rest : rest[..slash];
        foreach (var open in OpenAgentRoutes)
        {
            if (route.SequenceEqual(open))
            {
                return true;
            }
        }

        return false;
    }
}
