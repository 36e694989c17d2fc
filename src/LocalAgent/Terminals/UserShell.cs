namespace LocalAgent.Terminals;

/// <summary>Shell and home directory of the agent's user, from <c>/etc/passwd</c> or the environment.</summary>
internal sealed record UserShell(string Path, string Home)
{
    private const string Fallback = "/bin/sh";

    public static UserShell Find() => Find(
        File.Exists("/etc/passwd") ? File.ReadLines("/etc/passwd") : [],
        Environment.UserName,
        Environment.GetEnvironmentVariable("SHELL"),
        Environment.GetEnvironmentVariable("HOME"));

    internal static UserShell Find(IEnumerable<string> passwd, string user, string? shell, string? home)
    {
        var fields = passwd.Select(static line => line.Split(':')).FirstOrDefault(fields => fields.Length == 7 && fields[0] == user);
        return new UserShell(First(fields?[6], shell, Fallback), First(home, fields?[5], "/"));
    }

    private static string First(params string?[] texts) => texts.First(static text => !string.IsNullOrEmpty(text))!;
}
