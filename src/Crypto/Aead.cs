namespace Crypto;

/// <summary>Checks the arguments of both AEADs, because libsodium trusts every length and pointer.</summary>
internal static class Aead
{
    public const int KeyLength = 32;
    public const int TagLength = 16;

    public static void Check(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, int nonceLength, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> sealedMessage)
    {
        Expect(key.Length == KeyLength, "A key has 32 bytes.");
        Expect(nonce.Length == nonceLength, "The nonce has another length.");
        Expect(sealedMessage.Length == plain.Length + TagLength, "A sealed message is 16 bytes longer than the message.");

        // In place means the same start. Any other overlap would overwrite input that is still to be read.
        Expect(
            !plain.Overlaps(sealedMessage, out var offset) || offset == 0, "Input and output overlap, but do not start at the same byte.");
    }

    private static void Expect(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
