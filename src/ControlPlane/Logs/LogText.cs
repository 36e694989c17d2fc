using System.Text;

namespace ControlPlane.Logs;

/// <summary>The rules for stored log lines (tailnet.md §1.3-13).</summary>
internal static class LogText
{
    /// <summary>The longest line, in Unicode characters. The rest of a line is dropped.</summary>
    public const int MaxCharacters = 1024;

    public static IReadOnlyList<string> Levels { get; } = ["trace", "debug", "info", "warn", "error"];

    public static string Cut(string text)
    {
        if (text.Length <= MaxCharacters)
        {
            return text;
        }

        var end = 0;
        foreach (var rune in text.EnumerateRunes().Take(MaxCharacters))
        {
            end += rune.Utf16SequenceLength;
        }

        return text[..end];
    }

    /// <summary>The bytes that a line counts against its agent's limit: all that the agent sent, including the dropped rest.</summary>
    public static int CountedBytes(string text) => Encoding.UTF8.GetByteCount(text);
}
