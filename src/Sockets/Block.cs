using System.Buffers;

namespace Sockets;

/// <summary>A pooled buffer: what lies between its start and its end, and the block behind it. A link of what a reader is given.</summary>
internal sealed class Block : ReadOnlySequenceSegment<byte>
{
    public Block(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    /// <summary>Where the bytes in it begin.</summary>
    public int Start { get; set; }

    /// <summary>Where the bytes in it end.</summary>
    public int End { get; private set; }

    /// <summary>Bytes in it.</summary>
    public int Length => End - Start;

    /// <summary>The room behind its end.</summary>
    public int Room => Bytes.Length - End;

    /// <summary>Room for bytes to come; <see cref="Fill"/> says how many came.</summary>
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

    /// <summary>Puts it behind another one.</summary>
    public void Follow(Block before)
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
