using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Relay.Crypto;

namespace Relay.Derp.Wire;

/// <summary>A node's private key (derp.md §2.7), and the public key that belongs to it.</summary>
public sealed class NodePrivateKey
{
    private const string TextPrefix = "privkey:";

    private readonly byte[] _bytes;

    private NodePrivateKey(byte[] bytes)
    {
        _bytes = bytes;
        Span<byte> publicKey = stackalloc byte[NodeKey.Length];
        Sodium.EnsureReady();
        if (Sodium.ScalarMultBase(publicKey, bytes) != 0)
        {
            throw new CryptographicException("libsodium could not derive the public key.");
        }

        PublicKey = new NodeKey(publicKey);
    }

    /// <summary>The public key.</summary>
    public NodeKey PublicKey { get; }

    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Makes a new random key.</summary>
    /// <exception cref="DllNotFoundException">libsodium is not installed.</exception>
    public static NodePrivateKey Generate()
    {
        var bytes = RandomNumberGenerator.GetBytes(NodeKey.Length);
        bytes[0] &= 248;
        bytes[31] = (byte)((bytes[31] & 127) | 64);
        return new NodePrivateKey(bytes);
    }

    /// <summary>Reads the text form <c>privkey:</c> and 64 hex digits, as it stands in derper's key file.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key.</param>
    /// <returns>False for any other text, and for the zero key.</returns>
    /// <exception cref="DllNotFoundException">libsodium is not installed.</exception>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out NodePrivateKey? key)
    {
        key = null;
        if (text is null
            || !text.StartsWith(TextPrefix, StringComparison.Ordinal)
            || !NodeKey.TryParseHex(text.AsSpan(TextPrefix.Length), out var value)
            || value.IsZero)
        {
            return false;
        }

        var bytes = new byte[NodeKey.Length];
        value.CopyTo(bytes);
        key = new NodePrivateKey(bytes);
        return true;
    }

    /// <summary>The text form that a key file holds. It is a secret.</summary>
    public string ToSecretText() => TextPrefix + Convert.ToHexStringLower(_bytes);
}
