namespace Relay.Derp.Queues;

/// <summary>A pooled buffer of whole frames, an element of a lane's linked list.</summary>
internal sealed class Chunk(int sizeClass, int size)
{
    /// <summary>The index of the buffer's size in <see cref="ChunkPool.Sizes"/>.</summary>
    public int SizeClass { get; } = sizeClass;

    public byte[] Buffer { get; } = new byte[size];

    /// <summary>Where the first frame begins.</summary>
    public int Head { get; set; }

    /// <summary>Where the last frame ends.</summary>
    public int Tail { get; set; }

    public Chunk? Next { get; set; }

    public int Free => Buffer.Length - Tail;

    public ReadOnlySpan<byte> Frames => Buffer.AsSpan(Head, Tail - Head);
}
