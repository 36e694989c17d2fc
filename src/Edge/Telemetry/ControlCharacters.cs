using System.Buffers;
using System.Globalization;
using System.Text;

namespace Edge.Telemetry;

/// <summary>
/// Escapes control characters in text from elsewhere, such as header lines in a client library's error message, for log lines and
/// for metric labels.
/// </summary>
internal static class ControlCharacters
{
    private static readonly SearchValues<char> Control = SearchValues.Create(
        [.. Enumerable.Range(0, 0xA0).Select(static value => (char)value).Where(char.IsControl), '\u2028', '\u2029']);

    /// <summary>
    /// Writes control characters and line separators as <c>\x1B</c>. Unescaped they could start a new line or move a terminal's cursor.
    /// </summary>
    public static string? Escape(string? text)
    {
        if (text is null || !text.AsSpan().ContainsAny(Control))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 8);
        foreach (var letter in text)
        {
            _ = Control.Contains(letter) ? escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:X2}") : escaped.Append(letter);
        }

        return escaped.ToString();
    }
}
