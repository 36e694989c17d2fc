namespace Tailnet.Tests.Ip;

/// <summary>Bytes that are known by their position, so that neither side of a test keeps what was sent.</summary>
internal static class Pattern
{
    public static byte At(long position, byte salt) => (byte)((position * 31) + (position >> 8) + (position >> 16) + salt);

    public static void Fill(Span<byte> bytes, long position, byte salt)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = At(position + i, salt);
        }
    }

    public static void Verify(ReadOnlySpan<byte> bytes, long position, byte salt)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != At(position + i, salt))
            {
                Assert.Fail($"The byte at {position + i} is {bytes[i]} and not {At(position + i, salt)}.");
            }
        }
    }
}
