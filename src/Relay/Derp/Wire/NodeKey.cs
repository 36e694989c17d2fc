using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Derp.Wire;

/// <summary>A node's public key, which is its address (derp.md §2.7). A value of 32 bytes that the client has chosen.</summary>
public readonly struct NodeKey : IEquatable<NodeKey>
{
    /// <summary>The length of a key in bytes.</summary>
    public const int Length = 32;

    private const string TextPrefix = "nodekey:";

    // Clients choose their keys. Random seeds prevent them from choosing the hash too, which would allow collisions on purpose.
    private static readonly ulong[] Seeds = NewSeeds();

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <summary>Creates a key from the first 32 bytes.</summary>
    /// <param name="bytes">At least 32 bytes.</param>
    public NodeKey(ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes[..Length]);
        (_a, _b, _c, _d) = (words[0], words[1], words[2], words[3]);
    }

    /// <summary>Whether every byte is zero; no node has such a key.</summary>
    public bool IsZero => (_a | _b | _c | _d) == 0;

    /// <summary>A hash of 64 bits, with random seeds for each process.</summary>
    internal ulong Hash
    {
        get
        {
            var seeds = Seeds;
            var high = Math.BigMul(_a ^ seeds[0], _b ^ seeds[1], out var low);
            var high2 = Math.BigMul(_c ^ seeds[2], _d ^ seeds[3], out var low2);
            return (high ^ low) + (ulong.RotateLeft(high2 ^ low2, 23) * 0x9e3779b97f4a7c15);
        }
    }

    /// <summary>Compares two keys.</summary>
    public static bool operator ==(NodeKey left, NodeKey right) => left.Equals(right);

    /// <summary>Compares two keys.</summary>
    public static bool operator !=(NodeKey left, NodeKey right) => !left.Equals(right);

    /// <summary>Reads the text form <c>nodekey:</c> and 64 hex digits of either case.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key.</param>
    /// <returns>False for any other text.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out NodeKey key)
    {
        key = default;
        return text is not null
            && text.StartsWith(TextPrefix, StringComparison.Ordinal)
            && TryParseHex(text.AsSpan(TextPrefix.Length), out key);
    }

    /// <summary>Reads 64 hex digits of either case.</summary>
    /// <param name="hex">The digits.</param>
    /// <param name="key">The key.</param>
    /// <returns>False for any other text.</returns>
    public static bool TryParseHex(ReadOnlySpan<char> hex, out NodeKey key)
    {
        Span<byte> bytes = stackalloc byte[Length];
        var good = hex.Length == 2 * Length
            && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        key = good ? new NodeKey(bytes) : default;
        return good;
    }

    /// <summary>Writes the key's 32 bytes.</summary>
    /// <param name="destination">At least 32 bytes.</param>
    public void CopyTo(Span<byte> destination)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(destination[..Length]);
        (words[0], words[1], words[2], words[3]) = (_a, _b, _c, _d);
    }

    /// <summary>Returns a copy of the key's 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Returns 64 lower-case hex digits: the form of the <c>Derp-Public-Key</c> header and of the meta-certificate.</summary>
    public string ToHex()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Returns the short form for logs: five characters of base64 in brackets; empty for the zero key.</summary>
    public string ToShortString()
    {
        if (IsZero)
        {
            return "";
        }

        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        if (bytes.StartsWith<byte>([0x6d, 0xa7, 0x74, 0xd5, 0xd7, 0x74]))
        {
            return "[bad01]"; // Clients mark expired keys with this prefix.
        }

        Span<byte> text = stackalloc byte[44];
        Base64.EncodeToUtf8(bytes, text, out _, out _);
        return $"[{Encoding.ASCII.GetString(text[..5])}]";
    }

    /// <summary>Returns the text form: <c>nodekey:</c> and 64 lower-case hex digits.</summary>
    public override string ToString() => TextPrefix + ToHex();

    /// <inheritdoc/>
    public bool Equals(NodeKey other) => ((_a ^ other._a) | (_b ^ other._b) | (_c ^ other._c) | (_d ^ other._d)) == 0;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NodeKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = Hash;
        return (int)(hash ^ (hash >> 32));
    }

    /// <summary>Compares this key with a key on the wire, without creating a value.</summary>
    /// <param name="wire">At least 32 bytes.</param>
    internal bool Matches(ReadOnlySpan<byte> wire)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(wire[..Length]);
        return ((_a ^ words[0]) | (_b ^ words[1]) | (_c ^ words[2]) | (_d ^ words[3])) == 0;
    }

    private static ulong[] NewSeeds()
    {
        var seeds = new ulong[4];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(seeds.AsSpan()));
        return seeds;
    }
}
