using System.Text.RegularExpressions;

namespace Edge.Settings;

/// <summary>An error in the settings, which stops the start. The message is one line: the setting, its value, what is allowed.</summary>
internal sealed partial class SettingsException : Exception
{
    private const int LongestValue = 200;

    public SettingsException(string name, string? value, string allowed)
        : base(value is null ? $"{name}: {OneLine(allowed)}" : $"{name} = \"{Shown(value)}\": {OneLine(allowed)}")
    {
    }

    private static string Shown(string value)
    {
        var line = Credentials().Replace(OneLine(value), "//…@");
        return line.Length <= LongestValue ? line : $"{line[..LongestValue]}…";
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    // RFC 3986 §3.2.1: the user information of a URL, which may include a password.
    [GeneratedRegex("//[^/@\\s]*@")]
    private static partial Regex Credentials();
}
