using System.Text;

namespace Edge.Http;

/// <summary>
/// The encoding of <c>Connection</c>. Kestrel reduces a field with exactly one of the options that it knows to that option, and
/// drops the header names beside it (<c>close, X-Secret</c>). It does not change a field with two known options. So this encoding
/// appends <c>keep-alive</c> and <c>Upgrade</c> to a field with other options, and <c>ConnectionOptions</c> removes them
/// again, and reverts what Kestrel has done because of them.
/// </summary>
internal sealed class ConnectionField : Encoding
{
    // Clients cannot send the last character, which is not in Latin-1.
    private const string Suffix = ", keep-alive, Upgrade, \u2026";

    public static ConnectionField Instance { get; } = new();

    /// <summary>Whether the encoding has appended the options to a value.</summary>
    public static bool HasSuffix(string? value) => value is not null && value.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>The value as the client sent it.</summary>
    public static string Original(string? value) => HasSuffix(value) ? value![..^Suffix.Length] : value ?? string.Empty;

    public override int GetCharCount(byte[] bytes, int index, int count) =>
        count + (HasOther(Latin1.GetString(bytes, index, count)) ? Suffix.Length : 0);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var value = Latin1.GetString(bytes, byteIndex, byteCount);
        var all = HasOther(value) ? value + Suffix : value;
        all.CopyTo(0, chars, charIndex, all.Length);
        return all.Length;
    }

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount + Suffix.Length;

    private static bool HasOther(ReadOnlySpan<char> value)
    {
        foreach (var range in value.Split(','))
        {
            var option = value[range].Trim(" \t");
            if (!option.IsEmpty
                && !option.Equals("keep-alive", StringComparison.OrdinalIgnoreCase)
                && !option.Equals("close", StringComparison.OrdinalIgnoreCase)
                && !option.Equals("Upgrade", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
