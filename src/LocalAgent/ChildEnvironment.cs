namespace LocalAgent;

/// <summary>
/// The environment of child processes: variables on a list pass, all others are removed. The environment of a server may hold
/// secrets (<c>Edge__…</c>, <c>OTEL_…</c>, passwords of databases).
/// </summary>
public static class ChildEnvironment
{
    private static readonly HashSet<string> Allowed = new(StringComparer.Ordinal)
    {
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
        "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG",
    };

    /// <summary>Removes the variables that may not pass.</summary>
    public static void ApplyTo(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.Where(static name => !IsAllowed(name)).ToArray())
        {
            environment.Remove(name);
        }
    }

    private static bool IsAllowed(string name) => Allowed.Contains(name) || name.StartsWith("LC_", StringComparison.Ordinal);
}
