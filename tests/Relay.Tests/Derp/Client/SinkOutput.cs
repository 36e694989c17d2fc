using Relay.Derp;

namespace Relay.Tests.Derp.Client;

/// <summary>An output that keeps what it accepts, and accepts as much as the test allows.</summary>
internal sealed class SinkOutput : IDerpOutput
{
    private Action? _onWritable;

    public List<byte> Bytes { get; } = [];

    /// <summary>The bytes that it still accepts.</summary>
    public int Space { get; set; } = int.MaxValue;

    public int Completions { get; private set; }

    /// <summary>Called within the next flush, as inline pipes call the code on their other side.</summary>
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

    /// <summary>Makes space, and tells so.</summary>
    public void Allow(int bytes)
    {
        Space += bytes;
        _onWritable!();
    }
}
