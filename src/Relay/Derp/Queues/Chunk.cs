namespace Relay.Derp.Queues;

/// <summary>A pooled buffer of whole frames, a link of a lane's chain.</summary>
internal sealed class Chunk(int sizeClass, int size)
{
    /// <summary>Which of the pool's sizes it has.</summary>
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
