using System.Globalization;
using System.Text;

namespace ControlPlane.Http;

/// <summary>
/// Replaces each <c>\u</c> escape of a lone surrogate with U+FFFD, as Go's decoder does. .NET's decoder would refuse the body. Both escapes
/// are six bytes long, so that the replacement is done in place.
/// </summary>
internal static class LoneSurrogates
{
    private const int EscapeLength = 6;

    /// <summary>Ignores where strings begin and end: a backslash outside a string is not JSON, and the parser refuses it.</summary>
    public static void Replace(Span<byte> json)
    {
        while (true)
        {
            var backslash = json.IndexOf((byte)'\\');
            if (backslash < 0 || backslash + 1 >= json.Length)
            {
                return;
            }

            json = json[backslash..];
            if (!TryRead(json, out var unit))
            {
                json = json[2..];
            }
            else if (char.IsHighSurrogate(unit) && TryRead(json[EscapeLength..], out var next) && char.IsLowSurrogate(next))
            {
                json = json[(2 * EscapeLength)..];
            }
            else
            {
                if (char.IsSurrogate(unit))
                {
                    "fffd"u8.CopyTo(json[2..]);
                }

                json = json[EscapeLength..];
            }
        }
    }

    private static bool TryRead(ReadOnlySpan<byte> text, out char unit)
    {
        unit = default;
        if (text.Length < EscapeLength || text[0] != '\\' || text[1] != 'u')
        {
            return false;
        }

        Span<char> digits = stackalloc char[4];
        if (Encoding.Latin1.GetChars(text[2..EscapeLength], digits) != 4
            || !ushort.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        unit = (char)value;
        return true;
    }
}
