using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Tailnet.Ip.Wire;

/// <summary>A SACK block: a range of sequence numbers that the receiver holds beyond its acknowledgment (RFC 2018).</summary>
/// <param name="Start">The first sequence number of the range.</param>
/// <param name="End">The sequence number after the last.</param>
internal readonly record struct SackBlock(uint Start, uint End);

/// <summary>Room for the most SACK blocks that fit into a header.</summary>
[InlineArray(TcpOptions.MaxSackBlocks)]
internal struct SackBlocks
{
    private SackBlock _first;
}

/// <summary>The TCP options that this stack supports (RFC 9293 §3.1, RFC 7323, RFC 2018). Other options are skipped.</summary>
internal struct TcpOptions
{
    /// <summary>The most SACK blocks that fit into the 40 bytes of options.</summary>
    public const int MaxSackBlocks = 4;

    /// <summary>The most SACK blocks that fit beside the timestamps option.</summary>
    public const int MaxSackBlocksWithTimestamps = 3;

    /// <summary>The largest window scale (RFC 7323 §2.3).</summary>
    public const int MaxWindowScale = 14;

    private const byte End = 0;
    private const byte NoOperation = 1;
    private const byte Mss = 2;
    private const byte Scale = 3;
    private const byte SackIsPermitted = 4;
    private const byte Sack = 5;
    private const byte Timestamps = 8;

    private SackBlocks _sack;

    /// <summary>The MSS option: the largest segment that its sender receives, in bytes without options; null when absent.</summary>
    public ushort? MaxSegmentSize { get; set; }

    /// <summary>The shift of the sender's windows; null when the option is absent.</summary>
    public byte? WindowScale { get; set; }

    /// <summary>Whether the SACK-permitted option is present.</summary>
    public bool SackPermitted { get; set; }

    /// <summary>Whether the timestamps option is present.</summary>
    public bool HasTimestamps { get; set; }

    /// <summary>TSval: the sender's timestamp clock.</summary>
    public uint TimestampValue { get; set; }

    /// <summary>TSecr: the timestamp that the sender echoes.</summary>
    public uint TimestampEcho { get; set; }

    /// <summary>Number of SACK blocks.</summary>
    public int SackCount { get; private set; }

    /// <summary>Length of the options in a header, in bytes with padding.</summary>
    public readonly int Length =>
        (MaxSegmentSize is null ? 0 : 4)
        + (SackPermitted ? (HasTimestamps ? 2 : 4) : 0)
        + (HasTimestamps ? (SackPermitted ? 10 : 12) : 0)
        + (WindowScale is null ? 0 : 4)
        + (SackCount == 0 ? 0 : 4 + (8 * SackCount));

    /// <summary>The SACK block at an index below <see cref="SackCount"/>.</summary>
    public readonly SackBlock this[int index] => _sack[index];

    /// <summary>Adds a SACK block. The caller must not add more than fit.</summary>
    public void AddSack(SackBlock block) => _sack[SackCount++] = block;

    /// <summary>Reads the options of a header; false when an option has an impossible length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out TcpOptions options)
    {
        options = default;
        while (!bytes.IsEmpty && bytes[0] != End)
        {
            if (bytes[0] == NoOperation)
            {
                bytes = bytes[1..];
                continue;
            }

            if (bytes.Length < 2 || bytes[1] < 2 || bytes[1] > bytes.Length || !options.TryTake(bytes[0], bytes[2..bytes[1]]))
            {
                return false;
            }

            bytes = bytes[bytes[1]..];
        }

        return true;
    }

    /// <summary>
    /// Writes the options in the order in which Linux writes them, padded to words of 4 bytes.
    /// </summary>
    /// <param name="destination">A span of <see cref="Length"/> bytes.</param>
    public readonly void Write(Span<byte> destination)
    {
        var at = 0;
        if (MaxSegmentSize is { } size)
        {
            (destination[0], destination[1]) = (Mss, 4);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], size);
            at = 4;
        }

        // SACK-permitted replaces the two bytes of padding before the timestamps.
        if (SackPermitted || HasTimestamps)
        {
            if (SackPermitted && !HasTimestamps)
            {
                (destination[at], destination[at + 1]) = (NoOperation, NoOperation);
                at += 2;
            }

            (destination[at], destination[at + 1]) = SackPermitted ? (SackIsPermitted, (byte)2) : (NoOperation, NoOperation);
            at += 2;
        }

        if (HasTimestamps)
        {
            (destination[at], destination[at + 1]) = (Timestamps, 10);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(at + 2)..], TimestampValue);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(at + 6)..], TimestampEcho);
            at += 10;
        }

        if (WindowScale is { } scale)
        {
            (destination[at], destination[at + 1], destination[at + 2], destination[at + 3]) = (NoOperation, Scale, 3, scale);
            at += 4;
        }

        if (SackCount > 0)
        {
            (destination[at], destination[at + 1], destination[at + 2]) = (NoOperation, NoOperation, Sack);
            destination[at + 3] = (byte)(2 + (8 * SackCount));
            at += 4;
            for (var i = 0; i < SackCount; i++, at += 8)
            {
                BinaryPrimitives.WriteUInt32BigEndian(destination[at..], _sack[i].Start);
                BinaryPrimitives.WriteUInt32BigEndian(destination[(at + 4)..], _sack[i].End);
            }
        }
    }

    private bool TryTake(byte kind, ReadOnlySpan<byte> value)
    {
        switch (kind)
        {
            case Mss when value.Length == 2:
                MaxSegmentSize = BinaryPrimitives.ReadUInt16BigEndian(value);
                return true;
            case Scale when value.Length == 1:
                WindowScale = Math.Min(value[0], (byte)MaxWindowScale);
                return true;
            case SackIsPermitted when value.IsEmpty:
                SackPermitted = true;
                return true;
            case Timestamps when value.Length == 8:
                HasTimestamps = true;
                TimestampValue = BinaryPrimitives.ReadUInt32BigEndian(value);
                TimestampEcho = BinaryPrimitives.ReadUInt32BigEndian(value[4..]);
                return true;
            case Sack when value.Length is > 0 and <= 8 * MaxSackBlocks && value.Length % 8 == 0:
                SackCount = 0;
                for (; !value.IsEmpty; value = value[8..])
                {
                    AddSack(new SackBlock(BinaryPrimitives.ReadUInt32BigEndian(value), BinaryPrimitives.ReadUInt32BigEndian(value[4..])));
                }

                return true;
            default:
                return kind is not (Mss or Scale or SackIsPermitted or Timestamps or Sack);
        }
    }
}
