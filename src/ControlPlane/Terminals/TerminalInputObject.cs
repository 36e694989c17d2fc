using System.Text.Json;
using System.Text.Unicode;

namespace ControlPlane.Terminals;

/// <summary>One object of a terminal's input: <c>{"data"?: string, "height"?: uint16, "width"?: uint16}</c> (tailnet.md §6.1).</summary>
/// <param name="Data">The typed text, in UTF-8. Empty when it is missing.</param>
/// <param name="Height">The number of rows. 0 when it is missing.</param>
/// <param name="Width">The number of columns. 0 when it is missing.</param>
internal readonly record struct TerminalInputObject(ReadOnlyMemory<byte> Data, ushort Height, ushort Width)
{
    /// <summary>Whether the object has both parts of a size. One part alone has no effect.</summary>
    public bool HasSize => Height > 0 && Width > 0;

    /// <summary>
    /// Parses one object by the rules of Go's decoder: names in any case, unknown names are skipped, and <c>null</c> counts as missing.
    /// False when the object is invalid.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> json, out TerminalInputObject value)
    {
        value = default;
        if (!Utf8.IsValid(json))
        {
            return false;
        }

        var reader = new Utf8JsonReader(json);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (!TryTake(ref reader, name, ref value))
                {
                    return false;
                }
            }

            return reader.TokenType == JsonTokenType.EndObject && !reader.Read();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The object is not JSON, or a string has a lone surrogate.
            return false;
        }
    }

    private static bool TryTake(ref Utf8JsonReader reader, string name, ref TerminalInputObject value)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (name.Equals("data", StringComparison.OrdinalIgnoreCase))
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                return false;
            }

            var data = new byte[reader.ValueSpan.Length];
            value = value with { Data = data.AsMemory(0, reader.CopyString(data)) };
            return true;
        }

        var isHeight = name.Equals("height", StringComparison.OrdinalIgnoreCase);
        if (!isHeight && !name.Equals("width", StringComparison.OrdinalIgnoreCase))
        {
            return reader.TrySkip();
        }

        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetUInt16(out var number))
        {
            return false;
        }

        value = isHeight ? value with { Height = number } : value with { Width = number };
        return true;
    }
}
