using System.Buffers.Binary;

namespace Tailnet.Coordination.Shared;

/// <summary>A frame of the bus: entries of one server, sealed, as a text (docs/wire/coordination-bus.md).</summary>
/// <param name="Server">The sender.</param>
/// <param name="Number">Counts the sender's frames from 1, without gaps.</param>
/// <param name="Entries">The news.</param>
internal sealed record BusFrame(Guid Server, long Number, IReadOnlyList<BusEntry> Entries)
{
    /// <summary>The protocol that this version writes and reads.</summary>
    public const byte Protocol = 1;

    /// <summary>The most characters of a frame: PostgreSQL's notices have less than 8,000 bytes.</summary>
    public const int MaxText = 7990;

    /// <summary>The most bytes of a frame's entries.</summary>
    public const int MaxEntries = 5938;

    /// <summary>The length of the header: protocol, half of the generation's id, server, number, attempt.</summary>
    internal const int HeaderLength = 1 + 8 + 16 + 8 + 4;

    internal const int TagLength = 16;

    /// <summary>Returns the encoded entries in as few frames as keep their order, each of at most <see cref="MaxEntries"/> bytes.</summary>
    public static List<byte[]> Pack(IReadOnlyList<BusEntry> entries)
    {
        var frames = new List<byte[]>();
        using var frame = new MemoryStream(MaxEntries);
        foreach (var entry in entries)
        {
            var bytes = BusEntryWriter.Write(entry);
            if (frame.Length + bytes.Length > MaxEntries)
            {
                frames.Add(frame.ToArray());
                frame.SetLength(0);
            }

            frame.Write(bytes);
        }

        if (frame.Length > 0)
        {
            frames.Add(frame.ToArray());
        }

        return frames;
    }

    internal static void WriteHeader(Span<byte> header, Guid generation, Guid server, long number, uint attempt)
    {
        header[0] = Protocol;
        WriteGeneration(header[1..9], generation);
        server.TryWriteBytes(header[9..25], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(header[25..33], number);
        BinaryPrimitives.WriteUInt32LittleEndian(header[33..37], attempt);
    }

    internal static void WriteGeneration(Span<byte> bytes, Guid generation)
    {
        Span<byte> id = stackalloc byte[16];
        generation.TryWriteBytes(id, bigEndian: true, out _);
        id[..8].CopyTo(bytes);
    }

    /// <summary>The nonce of a frame: its attempt and its number, so that it never repeats under a key.</summary>
    internal static void WriteNonce(Span<byte> nonce, ReadOnlySpan<byte> header)
    {
        header[33..37].CopyTo(nonce);
        header[25..33].CopyTo(nonce[4..]);
    }
}
