using System.Numerics;
using System.Runtime.InteropServices;

namespace Relay.Streams.Wire;

/// <summary>The masking of client frames (RFC 6455 §5.3).</summary>
internal static class Mask
{
    /// <summary>Copies bytes and masks or unmasks them.</summary>
    /// <param name="source">The bytes; may be the same memory as the target.</param>
    /// <param name="target">At least as long as the source.</param>
    /// <param name="mask">The masking key, whose first byte is the lowest.</param>
    /// <param name="at">The offset of the first byte within the key, 0 to 3.</param>
    public static void Apply(ReadOnlySpan<byte> source, Span<byte> target, uint mask, int at)
    {
        mask = uint.RotateRight(mask, 8 * at);
        var whole = 0;
        if (BitConverter.IsLittleEndian)
        {
            var pattern = Vector.AsVectorByte(new Vector<uint>(mask));
            var from = MemoryMarshal.Cast<byte, Vector<byte>>(source);
            var to = MemoryMarshal.Cast<byte, Vector<byte>>(target)[..from.Length];
            for (var i = 0; i < to.Length; i++)
            {
                to[i] = from[i] ^ pattern;
            }

            whole = from.Length * Vector<byte>.Count;
        }

        for (var i = whole; i < source.Length; i++)
        {
            target[i] = (byte)(source[i] ^ (byte)(mask >> (8 * (i & 3))));
        }
    }
}
