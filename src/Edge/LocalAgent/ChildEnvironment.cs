namespace Edge.LocalAgent;

/// <summary>
/// What children of this process find in their environment: a list of what may pass, since the environment is also where a server's secrets
/// are (<c>Edge__…</c>, <c>OTEL_…</c>, passwords of databases).
/// </summary>
internal static class ChildEnvironment
{
    private static readonly HashSet<string> Allowed = new(StringComparer.Ordinal)
    {
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
        "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG",
    };

    /// <summary>Removes everything else.</summary>
    public static void ApplyTo(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.Where(static name => !Passes(name)).ToArray())
        {
            environment.Remove(name);
        }
    }

    private static bool Passes(string name) => Allowed.Contains(name) || name.StartsWith("LC_", StringComparison.Ordinal);
}
