using System.Security.Cryptography;

namespace Crypto;

/// <summary>
/// A secret in pinned memory, which is wiped on dispose. The garbage collector does not move it, so it leaves no copies.
/// Not for concurrent use.
/// </summary>
/// <param name="length">The length of the secret in bytes, which are zero at first.</param>
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
