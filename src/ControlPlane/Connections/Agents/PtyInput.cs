using System.Buffers;
using System.Text.Encodings.Web;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// Writes a terminal's input as the JSON objects of an agent's terminal port (terminal.md): <c>{"data":"…"}</c>. A character that the
/// input cuts is kept until its other bytes follow, since a JSON string has whole characters. Invalid UTF-8 becomes U+FFFD.
/// </summary>
internal sealed class PtyInput
{
    /// <summary>The shortest buffer for <see cref="Take"/>, in bytes: an object with one escaped character.</summary>
    public const int MinBufferBytes = 32;

    private const int MaxCharacterBytes = 4;

    private readonly byte[] _cut = new byte[MaxCharacterBytes];
    private int _cutLength;

    private static ReadOnlySpan<byte> Head => "{\"data\":\""u8;

    private static ReadOnlySpan<byte> Tail => "\"}"u8;

    /// <summary>Writes one object with as much of the input as fits.</summary>
    /// <param name="input">The input. The method removes what it has taken.</param>
    /// <param name="buffer">The buffer for the object, of at least <see cref="MinBufferBytes"/>.</param>
    /// <returns>The length of the object; 0 when no whole character is left.</returns>
    public int Take(ref ReadOnlyMemory<byte> input, Span<byte> buffer)
    {
        var data = buffer[Head.Length..^Tail.Length];
        var length = 0;
        while (_cutLength > 0 && !input.IsEmpty)
        {
            if (data.Length - length < MinBufferBytes - Head.Length - Tail.Length)
            {
                return Close(buffer, length);
            }

            _cut[_cutLength++] = input.Span[0];
            input = input[1..];
            var (taken, written) = Escape(_cut.AsSpan(0, _cutLength), data[length..]);
            length += written;
            _cut.AsSpan(taken, _cutLength - taken).CopyTo(_cut);
            _cutLength -= taken;
        }

        var (consumed, escaped) = Escape(input.Span, data[length..]);
        input = input[consumed..];
        if (input.Length < MaxCharacterBytes && IsCut(input.Span))
        {
            input.Span.CopyTo(_cut);
            _cutLength = input.Length;
            input = default;
        }

        return Close(buffer, length + escaped);
    }

    private static int Close(Span<byte> buffer, int length)
    {
        if (length == 0)
        {
            return 0;
        }

        Head.CopyTo(buffer);
        Tail.CopyTo(buffer[(Head.Length + length)..]);
        return Head.Length + length + Tail.Length;
    }

    private static (int Taken, int Written) Escape(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        JavaScriptEncoder.UnsafeRelaxedJsonEscaping.EncodeUtf8(text, destination, out var taken, out var written, isFinalBlock: false);
        return (taken, written);
    }

    private static bool IsCut(ReadOnlySpan<byte> text) =>
        !text.IsEmpty && System.Text.Rune.DecodeFromUtf8(text, out _, out var length) == OperationStatus.NeedMoreData
        && length == text.Length;
}
