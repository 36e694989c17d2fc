namespace Edge.RateLimiting;

/// <summary>
/// Routes on which a successful answer proves that the request's credential was accepted, since they answer nobody else. The list is
/// short on purpose: log-in, first user, build information, instance identity and the like succeed with any credential at all.
/// </summary>
internal static class ProvingRoutes
{
    private const string Agents = "/api/v2/workspaceagents/";

    private static readonly string[] OpenAgentRoutes = ["aws-instance-identity", "azure-instance-identity", "google-instance-identity", "derp-map"];

    /// <summary>Exact, also in letter case, since servers differ in how they read anything else.</summary>
    public static bool Contains(string path)
    {
        foreach (var c in path)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('/' or '-' or '_'))
            {
                return false;
            }
        }

        if (path.Contains("//", StringComparison.Ordinal))
        {
            return false;
        }

        if (path is "/api/v2/tailnet" or "/api/v2/users" or "/api/v2/users/me" || path.StartsWith("/api/v2/users/me/", StringComparison.Ordinal))
        {
            return true;
        }

        if (!path.StartsWith(Agents, StringComparison.Ordinal))
        {
            return false;
        }

        // A terminal also opens with a signed app token, whatever other credential is there.
        var rest = path[Agents.Length..];
        return rest.Length > 0
            && !rest.EndsWith("/pty", StringComparison.Ordinal)
            && !rest.Contains("/pty/", StringComparison.Ordinal)
            && !OpenAgentRoutes.Contains(rest.Split('/')[0]);
    }
}
