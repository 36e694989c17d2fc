namespace LocalAgent.Terminals;

/// <summary>
/// The character set of a terminal's programs (locale(7)). Terminals carry UTF-8. In the POSIX locale a program treats each byte as
/// a character, and Backspace in a shell leaves half a letter. Services and containers often have no <c>LANG</c>, or one that is
/// not installed.
/// </summary>
internal static class TerminalLocale
{
    private const string All = "LC_ALL";
    private const string Category = "LC_CTYPE";
    private const string Utf8 = "C.UTF-8";

    /// <summary>
    /// Sets <c>LC_CTYPE=C.UTF-8</c>, unless the environment has an installed UTF-8 locale, or <c>LC_ALL</c>, which overrides it.
    /// </summary>
    public static void ApplyTo(IDictionary<string, string?> environment) => ApplyTo(environment, IsInstalled);

    internal static void ApplyTo(IDictionary<string, string?> environment, Func<string, bool> isInstalled)
    {
        if (Value(environment, All) is null
            && !((Value(environment, Category) ?? Value(environment, "LANG")) is { } name && IsUtf8(name) && isInstalled(name))
            && isInstalled(Utf8))
        {
            environment[Category] = Utf8;
        }
    }

    // POSIX: an empty variable counts as not set.
    private static string? Value(IDictionary<string, string?> environment, string name) =>
        environment.TryGetValue(name, out var value) && value is { Length: > 0 } ? value : null;

    private static bool IsUtf8(string name) =>
        name.Split('.', '@') is [_, var codeset, ..]
        && codeset.Replace("-", "", StringComparison.Ordinal).Equals("utf8", StringComparison.OrdinalIgnoreCase);

    private static bool IsInstalled(string name)
    {
        var locale = Native.NewLocale(Native.CharacterTypes, name, 0);
        if (locale != 0)
        {
            Native.FreeLocale(locale);
        }

        return locale != 0;
    }
}
