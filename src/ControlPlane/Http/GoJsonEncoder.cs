using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;

namespace ControlPlane.Http;

/// <summary>
/// Escapes JSON strings as Go's encoding/json does (tailnet.md §1.1): quotes, backslashes and control characters, and for HTML
/// <c>&lt;</c>, <c>&gt;</c>, <c>&amp;</c>, U+2028 and U+2029, in lower-case hexadecimal. All other characters stay plain UTF-8.
/// </summary>
internal sealed unsafe class GoJsonEncoder : JavaScriptEncoder
{
    private const string Hex = "0123456789abcdef";

    private GoJsonEncoder()
    {
    }

    public static GoJsonEncoder Shared { get; } = new();

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar switch
    {
        < 0x20 or '"' or '\\' or '<' or '>' or '&' or 0x2028 or 0x2029 => true,
        _ => !Rune.IsValid(unicodeScalar),
    };

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var span = new ReadOnlySpan<char>(text, textLength);
        for (var index = 0; index < span.Length;)
        {
            // UTF-8 has no form for a lone surrogate.
            if (Rune.DecodeFromUtf16(span[index..], out var rune, out var consumed) != OperationStatus.Done || WillEncode(rune.Value))
            {
                return index;
            }

            index += consumed;
        }

        return -1;
    }

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var output = new Span<char>(buffer, bufferLength);
        var shortForm = unicodeScalar switch
        {
            '"' => '"',
            '\\' => '\\',
            '\b' => 'b',
            '\f' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => '\0',
        };
        numberOfCharactersWritten = 0;
        if (shortForm != '\0')
        {
            if (output.Length < 2)
            {
                return false;
            }

            output[0] = '\\';
            output[1] = shortForm;
            numberOfCharactersWritten = 2;
            return true;
        }

        // Only scalars of the basic multilingual plane need an escape. U+FFFD replaces a value that is not a scalar.
        var value = Rune.IsValid(unicodeScalar) && unicodeScalar <= 0xFFFF ? unicodeScalar : 0xFFFD;
        if (output.Length < 6)
        {
            return false;
        }

        output[0] = '\\';
        output[1] = 'u';
        for (var digit = 0; digit < 4; digit++)
        {
            output[2 + digit] = Hex[(value >> (12 - (4 * digit))) & 0xF];
        }

        numberOfCharactersWritten = 6;
        return true;
    }
}
