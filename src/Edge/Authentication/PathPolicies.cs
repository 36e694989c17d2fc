using Edge.Settings;

namespace Edge.Authentication;

/// <summary>Finds the policy of a path: the one with the longest prefix. A path without one requires a valid token.</summary>
internal sealed class PathPolicies
{
    private const string Section = "Edge:Authentication:Policies";

    /// <summary>Routes whose credentials only the API server can check.</summary>
    private static readonly string[] ApiServerRoutes =
    [
        "/api/v2/workspaceagents/me",
        "/api/v2/workspaceagents/aws-instance-identity",
        "/api/v2/workspaceagents/azure-instance-identity",
        "/api/v2/workspaceagents/google-instance-identity",
    ];

    private readonly PathPolicy[] _policies;

    public PathPolicies(IEnumerable<PathPolicy> policies)
    {
        // The sort is stable: an operator's policy comes before the default policy of the same path.
        _policies =
        [
            .. policies
                .Concat([new PathPolicy("/healthz", Requirement.Anonymous), new PathPolicy("/api/v2/buildinfo", Requirement.Anonymous)])
                .Append(new PathPolicy(string.Empty, Requirement.Authenticated))
                .OrderByDescending(static policy => policy.Path.Length),
        ];
    }

    /// <summary>
    /// The policy of a path. Null for paths without policies: routes that only the API server can check, and DERP, which has its own
    /// admission.
    /// </summary>
    /// <param name="path">The decoded path, for which <see cref="IsAmbiguous"/> is false.</param>
    public PathPolicy? For(string path)
    {
        if (IsExempt(path))
        {
            return null;
        }

        foreach (var policy in _policies)
        {
            if (policy.Covers(path))
            {
                return policy;
            }
        }

        // Only a path without a leading slash ("*") gets here.
        return _policies[^1];
    }

    /// <summary>
    /// Whether the path could belong to another policy on a server that removes parameters (<c>/a;x</c>) or dots and spaces at a
    /// segment's end, or that does not decode escapes. Otherwise such characters are allowed.
    /// </summary>
    /// <param name="path">As for <see cref="For"/>.</param>
    /// <param name="escaped">The path with its unnecessary escapes, as it is forwarded; null when it has none.</param>
    public bool IsAmbiguousFor(string path, string? escaped)
    {
        if (escaped is not null && For(escaped) != For(path))
        {
            return true;
        }

        var plain = string.Join('/', path.Split('/').Select(static segment =>
        {
            var parameter = segment.IndexOf(';', StringComparison.Ordinal);
            return (parameter < 0 ? segment : segment[..parameter]).TrimEnd('.', ' ');
        }));
        return plain != path && (IsAmbiguous(plain) || For(plain) != For(path));
    }

    /// <summary>
    /// Whether servers may interpret the path in another way than the edge: empty segments, escapes that remain after decoding,
    /// backslashes, control characters, dot segments (also with a parameter, <c>..;</c>). The edge could choose the wrong policy.
    /// </summary>
    public static bool IsAmbiguous(string path)
    {
        for (var i = 0; i < path.Length; i++)
        {
            var c = path[i];
            if (c is '\\' or < ' ' or '\x7f'
                || (c == '/' && i + 1 < path.Length && path[i + 1] == '/')
                || (c == '%' && i + 2 < path.Length && char.IsAsciiHexDigit(path[i + 1]) && char.IsAsciiHexDigit(path[i + 2])))
            {
                return true;
            }
        }

        foreach (var range in path.AsSpan().Split('/'))
        {
            var segment = path.AsSpan(range);
            var parameter = segment.IndexOf(';');
            if ((parameter < 0 ? segment : segment[..parameter]) is "." or "..")
            {
                return true;
            }
        }

        return false;
    }

    /// <exception cref="SettingsException">A policy is malformed, or its path has no policies.</exception>
    public static IReadOnlyList<PathPolicy> Read(SettingsReader reader)
    {
        var policies = new List<PathPolicy>();
        foreach (var child in reader.Children(Section))
        {
            var policy = Read(reader, $"{Section}:{child}");
            if (policies.Any(other => other.Path.Equals(policy.Path, StringComparison.OrdinalIgnoreCase)))
            {
                throw new SettingsException($"{Section}:{child}:Path", policy.Path, "another policy has the same path");
            }

            policies.Add(policy);
        }

        return policies;
    }

    private static PathPolicy Read(SettingsReader reader, string section)
    {
        var pathName = $"{section}:Path";
        var requireName = $"{section}:Require";
        var path = reader.Text(pathName);
        if (path is null || path[0] != '/' || path.AsSpan().IndexOfAny('?', '#', '*') >= 0 || IsAmbiguous(path))
        {
            throw new SettingsException(
                pathName, path, "allowed is a path prefix such as /api/v2/users: decoded, without dot segments and wildcards");
        }

        path = path.TrimEnd('/');
        if (IsExempt(path))
        {
            throw new SettingsException(
                pathName,
                path,
                "no policy applies to this path: agent routes and instance identity are the API server's, DERP has its own admission");
        }

        var require = reader.Text(requireName);
        if (string.Equals(require, "anonymous", StringComparison.OrdinalIgnoreCase))
        {
            return new PathPolicy(path, Requirement.Anonymous);
        }

        if (string.Equals(require, "authenticated", StringComparison.OrdinalIgnoreCase))
        {
            return new PathPolicy(path, Requirement.Authenticated);
        }

        const string ClaimPrefix = "claim:";
        var equals = require?.IndexOf('=', StringComparison.Ordinal) ?? -1;
        if (require is not null
            && require.StartsWith(ClaimPrefix, StringComparison.OrdinalIgnoreCase)
            && equals > ClaimPrefix.Length
            && equals + 1 < require.Length)
        {
            return new PathPolicy(path, Requirement.Claim, require[ClaimPrefix.Length..equals], require[(equals + 1)..]);
        }

        throw new SettingsException(requireName, require, "allowed are anonymous, authenticated and claim:<type>=<value>");
    }

    private static bool IsExempt(string path) =>
        PathPolicy.IsAtOrBelow(path, "/derp")
        || ApiServerRoutes.Any(route => PathPolicy.IsAtOrBelow(path, route));
}
