using System.Buffers;

namespace Sockets;

/// <summary>A pooled buffer with bytes between its start and its end; a segment of the sequence that a reader gets.</summary>
internal sealed class Block : ReadOnlySequenceSegment<byte>
{
    public Block(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    /// <summary>The offset of the first byte.</summary>
    public int Start { get; set; }

    /// <summary>The offset behind the last byte.</summary>
    public int End { get; private set; }

    /// <summary>The number of bytes.</summary>
    public int Length => End - Start;

    /// <summary>The free space behind the last byte.</summary>
    public int FreeLength => Bytes.Length - End;

    /// <summary>The free space; <see cref="Fill"/> adds the bytes that were written there.</summary>
    public Span<byte> Free => Bytes.AsSpan(End);

    public Block? After
    {
        get => (Block?)Next;
        set => Next = value;
    }

    public ReadOnlySpan<byte> Span => Bytes.AsSpan(Start, Length);

    public void Fill(int count)
    {
        End += count;
        Memory = Bytes.AsMemory(0, End);
    }

    /// <summary>Appends this block to another one.</summary>
    public void AppendTo(Block before)
    {
        before.After = this;
        RunningIndex = before.RunningIndex + before.End;
    }

    public void Clear()
    {
        (Start, End, Next, RunningIndex) = (0, 0, null, 0);
        Memory = default;
    }
}
