using Relay.Derp;

namespace Relay.Tests.Derp.Client;

/// <summary>An output that records the bytes it accepts, and accepts as many as the test allows.</summary>
internal sealed class SinkOutput : IDerpOutput
{
    private Action? _onWritable;

    public List<byte> Bytes { get; } = [];

    /// <summary>The number of bytes that it still accepts.</summary>
    public int Space { get; set; } = int.MaxValue;

    public int Completions { get; private set; }

    /// <summary>Called within the next flush, like the reader of a pipe with inline continuations.</summary>
    public Action? Flushing { get; set; }

    public bool IsWritable => Space > 0;

    public void OnWritable(Action callback) => _onWritable = callback;

    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, Space);
        Bytes.AddRange(bytes[..count]);
        Space -= count;
        return count;
    }

    public void Flush()
    {
        var flushing = Flushing;
        Flushing = null;
        flushing?.Invoke();
    }

    public void Complete() => Completions++;

    /// <summary>Adds space, and notifies the writer.</summary>
    public void Allow(int bytes)
    {
        Space += bytes;
        _onWritable!();
    }
}
