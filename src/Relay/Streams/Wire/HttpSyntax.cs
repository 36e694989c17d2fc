using System.Buffers;

namespace Relay.Streams.Wire;

/// <summary>The character sets of RFC 9110 §5.</summary>
internal static class HttpSyntax
{
    private const string Token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> TokenChars = SearchValues.Create(Token);
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create([.. Token.Select(static letter => (byte)letter)]);

    private static readonly SearchValues<byte> ValueBytes =
        SearchValues.Create([.. Enumerable.Range(0, 256).Where(static value => IsValue((char)value)).Select(static value => (byte)value)]);

    public static bool IsToken(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenChars);

    public static bool IsToken(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenBytes);

    public static bool IsFieldValue(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(ValueBytes);

    public static bool IsFieldValue(ReadOnlySpan<char> text)
    {
        foreach (var letter in text)
        {
            if (!IsValue(letter))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a comma-separated list contains the token, case-insensitively.</summary>
    public static bool ListContains(ReadOnlySpan<char> list, ReadOnlySpan<char> token)
    {
        foreach (var range in list.Split(','))
        {
            if (list[range].Trim(" \t").Equals(token, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsValue(char letter) => letter is '\t' or (>= ' ' and <= '~') or (>= '\u0080' and <= '\u00FF');
}
