using System.Text;

namespace Edge.Http;

/// <summary>
/// The encoding of <c>Content-Length</c>. Kestrel's parser accepts signs (<c>+5</c>, <c>-0</c>), which other servers read differently
/// or refuse (RFC 9110 §8.6: digits only). This encoding turns other bytes than digits into a letter, for which Kestrel refuses the
/// field.
/// </summary>
internal sealed class DigitsOnly : Encoding
{
    private const char NoDigit = 'x';

    public static DigitsOnly Instance { get; } = new();

    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        // Longer values than this have more digits than any valid length.
        var count = Math.Min(bytes.Length, chars.Length);
        for (var i = 0; i < count; i++)
        {
            chars[i] = ToChar(bytes[i]);
        }

        return count;
    }

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        ASCII.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount;

    private static char ToChar(byte value) => value is >= (byte)'0' and <= (byte)'9' ? (char)value : NoDigit;
}
