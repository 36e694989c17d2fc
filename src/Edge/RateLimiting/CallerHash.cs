using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Relay.Connections;

namespace Edge.RateLimiting;

/// <summary>
/// Hashes credentials, addresses and paths to keys of 128 bits, with a random seed per process: clients cannot choose colliding
/// keys, and no credential stays in memory.
/// </summary>
internal sealed class CallerHash
{
    private const int SeedLength = 32;

    private readonly byte[] _seed = RandomNumberGenerator.GetBytes(SeedLength);

    public UInt128 OfCredential(string credential) => Hash('c', UInt128.Zero, credential);

    public UInt128 OfAddress(AddressKey address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteTo(bytes);
        return Hash('a', BinaryPrimitives.ReadUInt128BigEndian(bytes), string.Empty);
    }

    /// <summary>The key of a caller and a path. Case and trailing slashes of the path are ignored.</summary>
    public UInt128 OfWindow(UInt128 caller, string path) => Hash('w', caller, path.TrimEnd('/').ToLowerInvariant());

    private UInt128 Hash(char kind, UInt128 number, string text)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> fixedPart = stackalloc byte[17];
        fixedPart[0] = (byte)kind;
        BinaryPrimitives.WriteUInt128BigEndian(fixedPart[1..], number);
        hash.AppendData(_seed);
        hash.AppendData(fixedPart);
        hash.AppendData(Encoding.UTF8.GetBytes(text));
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        var key = BinaryPrimitives.ReadUInt128BigEndian(digest);
        return key == UInt128.Zero ? UInt128.One : key;
    }
}
