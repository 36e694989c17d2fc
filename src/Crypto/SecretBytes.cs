using System.Security.Cryptography;

namespace Crypto;

/// <summary>
/// A secret in memory that the garbage collector does not move, so that no copy stays behind, and that is wiped on dispose.
/// Not for concurrent use.
/// </summary>
/// <param name="length">Bytes of the secret, all zero at first.</param>
public sealed class SecretBytes(int length) : IDisposable
{
    private readonly byte[] _bytes = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>The secret; all zero after <see cref="Dispose"/>.</summary>
    public Span<byte> Span => _bytes;

    /// <summary>Zeroes the secret; it may be filled again.</summary>
    public void Wipe() => CryptographicOperations.ZeroMemory(_bytes);

    /// <inheritdoc/>
    public void Dispose() => Wipe();
}
