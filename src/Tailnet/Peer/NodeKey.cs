using System.Buffers.Binary;

namespace Tailnet.Peer;

/// <summary>The public key of a node as a value: it compares and hashes without an allocation.</summary>
/// <param name="High">The first 16 bytes, big-endian.</param>
/// <param name="Low">The last 16 bytes, big-endian.</param>
public readonly record struct NodeKey(UInt128 High, UInt128 Low)
{
    /// <summary>Size of a key in bytes.</summary>
    public const int Size = 32;

    /// <summary>Reads a key.</summary>
    /// <param name="bytes">32 bytes.</param>
    /// <exception cref="ArgumentException">There are not 32 bytes.</exception>
    public static NodeKey Read(ReadOnlySpan<byte> bytes) => bytes.Length == Size
        ? new NodeKey(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]))
        : throw new ArgumentException("A node key has 32 bytes.", nameof(bytes));

    /// <summary>Writes the key.</summary>
    /// <param name="destination">Room for 32 bytes.</param>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128BigEndian(destination, High);
        BinaryPrimitives.WriteUInt128BigEndian(destination[16..], Low);
    }
}
