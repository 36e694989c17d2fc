using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Tailnet.Ip.Wire;

/// <summary>A range of sequence numbers that the receiver has beyond its acknowledgment (RFC 2018).</summary>
/// <param name="Start">The first sequence number of the range.</param>
/// <param name="End">The sequence number after the last.</param>
internal readonly record struct SackBlock(uint Start, uint End);

/// <summary>As many SACK blocks as a header has room for.</summary>
[InlineArray(TcpOptions.MaxSackBlocks)]
internal struct SackBlocks
{
    private SackBlock _first;
}

/// <summary>The options of a TCP header that this stack knows (RFC 9293 §3.1, RFC 7323, RFC 2018); others are skipped.</summary>
internal struct TcpOptions
{
    /// <summary>SACK blocks that fit into the 40 bytes of options.</summary>
    public const int MaxSackBlocks = 4;

    /// <summary>SACK blocks that fit beside timestamps.</summary>
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

    /// <summary>Largest segment that the sender takes, in bytes without options; null when it does not say.</summary>
    public ushort? MaxSegmentSize { get; set; }

    /// <summary>Shift of the sender's windows; null when it does not scale.</summary>
    public byte? WindowScale { get; set; }

    /// <summary>The sender understands SACK.</summary>
    public bool SackPermitted { get; set; }

    /// <summary>Whether <see cref="TimestampValue"/> and <see cref="TimestampEcho"/> are there.</summary>
    public bool HasTimestamps { get; set; }

    /// <summary>The sender's clock.</summary>
    public uint TimestampValue { get; set; }

    /// <summary>The receiver's clock as the sender last saw it.</summary>
    public uint TimestampEcho { get; set; }

    /// <summary>How many SACK blocks there are.</summary>
    public int SackCount { get; private set; }

    /// <summary>Bytes that the options take in a header.</summary>
    public readonly int Length =>
        (MaxSegmentSize is null ? 0 : 4)
        + (SackPermitted ? (HasTimestamps ? 2 : 4) : 0)
        + (HasTimestamps ? (SackPermitted ? 10 : 12) : 0)
        + (WindowScale is null ? 0 : 4)
        + (SackCount == 0 ? 0 : 4 + (8 * SackCount));

    /// <summary>A SACK block.</summary>
    public readonly SackBlock this[int index] => _sack[index];

    /// <summary>Adds a SACK block; the caller minds how many fit.</summary>
    public void AddSack(SackBlock block) => _sack[SackCount++] = block;

    /// <summary>Reads the options of a header; false when one of them has an impossible length.</summary>
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
    /// <param name="destination"><see cref="Length"/> bytes.</param>
    public readonly void Write(Span<byte> destination)
    {
        var at = 0;
        if (MaxSegmentSize is { } size)
        {
            (destination[0], destination[1]) = (Mss, 4);
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], size);
            at = 4;
        }

        // SACK-permitted takes the place of the two bytes of padding before timestamps.
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
