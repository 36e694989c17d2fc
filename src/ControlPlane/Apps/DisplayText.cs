using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Apps;

/// <summary>
/// Converts a text from inside a workspace to one printable line. It removes markup, terminal escape sequences and control characters, and
/// replaces white space by single spaces.
/// </summary>
internal static partial class DisplayText
{
    public static string Of(string text)
    {
        var plain = Markup().Replace(EscapeSequence().Replace(text, ""), "");
        var line = new StringBuilder(plain.Length);
        var spaceBefore = true;
        foreach (var rune in plain.EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune))
            {
                if (!spaceBefore)
                {
                    line.Append(' ');
                }

                spaceBefore = true;
            }
            else if (IsPrintable(rune))
            {
                line.Append(rune);
                spaceBefore = false;
            }
        }

        return line.ToString().TrimEnd();
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    // ECMA-48 §5.4 (control sequences) and §8.3.89 (operating system commands).
    [GeneratedRegex(
        @"\x1B(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1B]*(\x07|\x1B\\)?|[@-Z\\^_])", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex EscapeSequence();

    // A tag has a letter, "/", "!" or "?" directly after the bracket, so that "a < b" stays.
    [GeneratedRegex("<[A-Za-z/!?][^<>]*>", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Markup();
}
