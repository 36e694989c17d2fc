using System.Text;

namespace Edge.Http;

/// <summary>
/// How the server core reads <c>Connection</c>. A field with exactly one of the options that the core knows is cut down to that option,
/// and the names of headers beside it are lost (<c>close, X-Secret</c>). With two of them the core leaves the field alone: what has others
/// is given <c>keep-alive</c> and <c>Upgrade</c>, and <c>ConnectionOptions</c> takes those away again, with what the core has made of
/// them.
/// </summary>
internal sealed class ConnectionField : Encoding
{
    // The last character cannot come from a client: it is beyond the bytes of a header.
    private const string Added = ", keep-alive, Upgrade, \u2026";

    public static ConnectionField Instance { get; } = new();

    /// <summary>Whether a value was added to.</summary>
    public static bool IsAddedTo(string? value) => value is not null && value.EndsWith(Added, StringComparison.Ordinal);

    /// <summary>The value as the client sent it.</summary>
    public static string Original(string? value) => IsAddedTo(value) ? value![..^Added.Length] : value ?? string.Empty;

    public override int GetCharCount(byte[] bytes, int index, int count) =>
        count + (HasOther(Latin1.GetString(bytes, index, count)) ? Added.Length : 0);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var value = Latin1.GetString(bytes, byteIndex, byteCount);
        var all = HasOther(value) ? value + Added : value;
        all.CopyTo(0, chars, charIndex, all.Length);
        return all.Length;
    }

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount + Added.Length;

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
