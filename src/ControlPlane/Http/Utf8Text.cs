using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace ControlPlane.Http;

/// <summary>Replaces what is not UTF-8. In a JSON body such bytes can only be inside strings, so that repairing the whole is enough.</summary>
internal static class Utf8Text
{
    /// <summary>How many bytes the text takes.</summary>
    public static int Count(string text) => Encoding.UTF8.GetByteCount(text);

    /// <summary>
    /// <paramref name="text"/> itself when it is UTF-8; otherwise a copy in which each run of other bytes is one <c>❌</c>.
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
