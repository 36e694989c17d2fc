using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sodium;

namespace Relay.Derp.Wire;

/// <summary>A node's private key (derp.md §2.7), and the public key that belongs to it.</summary>
public sealed class NodePrivateKey
{
    private const string TextPrefix = "privkey:";

    private readonly byte[] _bytes;

    private NodePrivateKey(byte[] bytes)
    {
        _bytes = bytes;
        PublicKey = new NodeKey(ScalarMult.Base(bytes));
    }

    /// <summary>The public key.</summary>
    public NodeKey PublicKey { get; }

    internal byte[] Bytes => _bytes;

    /// <summary>Makes a new random key.</summary>
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
