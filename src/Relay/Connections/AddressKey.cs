using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Relay.Connections;

/// <summary>
/// The unit that limits count as one client address: an IPv4 address (mapped into IPv6 or not), or an IPv6 network of 64 bits, which is
/// what one subscriber gets (RFC 6177).
/// </summary>
public readonly struct AddressKey : IEquatable<AddressKey>
{
    private readonly ulong _high;
    private readonly ulong _low;

    /// <summary>Creates the key of an address.</summary>
    /// <param name="address">IPv4 or IPv6.</param>
    public AddressKey(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            address.MapToIPv6().TryWriteBytes(bytes, out _);
        }
        else
        {
            address.TryWriteBytes(bytes, out _);
        }

        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);

        // The low half of an IPv6 key is zero, so ::/64 and the mapped IPv4 addresses have different keys.
        _low = address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6
            ? BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])
            : 0;
    }

    /// <summary>Whether two keys are the same.</summary>
    public static bool operator ==(AddressKey left, AddressKey right) => left.Equals(right);

    /// <summary>Whether two keys differ.</summary>
    public static bool operator !=(AddressKey left, AddressKey right) => !left.Equals(right);

    /// <summary>Writes the key's 16 bytes.</summary>
    /// <param name="destination">At least 16 bytes.</param>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <inheritdoc/>
    public bool Equals(AddressKey other) => _high == other._high && _low == other._low;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AddressKey other && Equals(other);

    /// <summary>Returns a hash with a random seed for each process, because clients choose their addresses within IPv6.</summary>
    public override int GetHashCode() => HashCode.Combine(_high, _low);
}
