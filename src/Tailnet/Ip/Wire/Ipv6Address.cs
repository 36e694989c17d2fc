using System.Buffers.Binary;
using System.Net;

namespace Tailnet.Ip.Wire;

/// <summary>
/// An IPv6 address as a value type. Its comparison and hashing allocate nothing, unlike those of <see cref="IPAddress"/>.
/// </summary>
/// <param name="Value">The 16 bytes as one big-endian number.</param>
public readonly record struct Ipv6Address(UInt128 Value)
{
    /// <summary>Size of an address in bytes.</summary>
    public const int Size = 16;

    /// <summary>Converts an <see cref="IPAddress"/> without its scope identifier.</summary>
    /// <param name="address">An IPv6 address.</param>
    /// <exception cref="ArgumentException">The address is not an IPv6 address.</exception>
    public Ipv6Address(IPAddress address)
        : this(UInt128.Zero)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[Size];
        if (!address.TryWriteBytes(bytes, out var written) || written != Size)
        {
            throw new ArgumentException("The address is not an IPv6 address.", nameof(address));
        }

        Value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    internal static Ipv6Address Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    internal void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    /// <summary>The text of RFC 5952.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return new IPAddress(bytes).ToString();
    }
}
