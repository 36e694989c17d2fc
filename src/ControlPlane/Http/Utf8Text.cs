using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace ControlPlane.Http;

/// <summary>
/// Replaces invalid UTF-8. In a JSON body such bytes can only be inside strings, so that the body is repaired as a whole.
/// </summary>
internal static class Utf8Text
{
    /// <summary>The length of the text in UTF-8, in bytes.</summary>
    public static int Count(string text) => Encoding.UTF8.GetByteCount(text);

    /// <summary>
    /// <paramref name="text"/> itself when it is valid UTF-8, otherwise a copy in which one <c>❌</c> replaces each run of invalid bytes.
    /// </summary>
    public static ReadOnlyMemory<byte> Repair(ReadOnlyMemory<byte> text)
    {
        if (Utf8.IsValid(text.Span))
        {
            return text;
        }

        var repaired = new ArrayBufferWriter<byte>(text.Length + 16);
        var rest = text.Span;
        var inRun = false;
        while (!rest.IsEmpty)
        {
            var valid = Rune.DecodeFromUtf8(rest, out _, out var consumed) == OperationStatus.Done;
            if (valid)
            {
                repaired.Write(rest[..consumed]);
            }
            else if (!inRun)
            {
                repaired.Write("❌"u8);
            }

            inRun = !valid;
            rest = rest[consumed..];
        }

        return repaired.WrittenMemory;
    }
}
