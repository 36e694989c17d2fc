using System.Diagnostics.CodeAnalysis;
using Crypto;

namespace Relay.Derp.Wire;

/// <summary>A node's private key (derp.md §2.7) and its public key.</summary>
public sealed class NodePrivateKey
{
    private const string TextPrefix = "privkey:";

    private readonly byte[] _bytes;

    private NodePrivateKey(byte[] bytes)
    {
        _bytes = bytes;
        PublicKey = new NodeKey(X25519.PublicKey(bytes));
    }

    /// <summary>The public key.</summary>
    public NodeKey PublicKey { get; }

    /// <summary>Creates the box between this key and a peer's.</summary>
    /// <param name="theirs">The peer's public key, which the peer has chosen.</param>
    public NaClBox BoxWith(in NodeKey theirs) => new(_bytes, theirs.ToArray());

    /// <summary>Creates a key from its bytes, for a node that uses the key in another protocol too.</summary>
    /// <param name="bytes">32 bytes, which are copied.</param>
    /// <exception cref="ArgumentException">There are not 32 bytes.</exception>
    public static NodePrivateKey FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == NodeKey.Length
        ? new(bytes.ToArray())
        : throw new ArgumentException("A private key has 32 bytes.", nameof(bytes));

    /// <summary>Creates a random key.</summary>
    public static NodePrivateKey Generate() => new(X25519.NewPrivateKey());

    /// <summary>Reads the text form of derper's key file: <c>privkey:</c> and 64 hex digits.</summary>
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

    /// <summary>Returns the text form of a key file. A secret.</summary>
    public string ToSecretText() => TextPrefix + Convert.ToHexStringLower(_bytes);
}
