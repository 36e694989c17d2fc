using System.Globalization;
using System.Text;

namespace LocalAgent.Terminals;

/// <summary>The size of a terminal as a text message on the agent's WebSocket: <c>height width</c>, in characters.</summary>
public static class TerminalSize
{
    /// <summary>The message for a size.</summary>
    public static byte[] Write(ushort height, ushort width) => Encoding.ASCII.GetBytes(FormattableString.Invariant($"{height} {width}"));

    internal static bool TryRead(ReadOnlySpan<byte> message, out ushort height, out ushort width)
    {
        (height, width) = (0, 0);
        return Encoding.ASCII.GetString(message).Split(' ') is [var rows, var columns]
            && ushort.TryParse(rows, NumberStyles.None, CultureInfo.InvariantCulture, out height)
            && ushort.TryParse(columns, NumberStyles.None, CultureInfo.InvariantCulture, out width);
    }
}
