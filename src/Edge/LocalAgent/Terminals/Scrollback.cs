namespace Edge.LocalAgent.Terminals;

/// <summary>
/// The last output of a terminal, at places counted from its beginning. It is also the queue of every attachment, so that one that does not read
/// costs nothing.
/// </summary>
internal sealed class Scrollback(int size)
{
    private readonly byte[] _bytes = new byte[size];

    // Has taken everything before Start.
    private EscapeScanner _dropped;

    /// <summary>How much it holds at most, in bytes.</summary>
    public int Size => _bytes.Length;

    /// <summary>Where the next output will be.</summary>
    public long End { get; private set; }

    /// <summary>The oldest place that it still holds.</summary>
    public long Start { get; private set; }

    /// <summary>Adds output, and drops as much of the oldest as it takes.</summary>
    public void Append(ReadOnlySpan<byte> output)
    {
        while (!output.IsEmpty)
        {
            var part = output[..Math.Min(output.Length, Size)];
            for (var newStart = End + part.Length - Size; Start < newStart; Start++)
            {
                _dropped.Step(_bytes[Start % Size]);
            }

            var at = (int)(End % Size);
            var untilWrap = Math.Min(part.Length, Size - at);
            part[..untilWrap].CopyTo(_bytes.AsSpan(at));
            part[untilWrap..].CopyTo(_bytes);
            End += part.Length;
            output = output[part.Length..];
        }
    }

    /// <summary>The oldest place that cuts neither a character nor an escape sequence; <see cref="End"/> if there is none.</summary>
    public long FirstBoundary()
    {
        var scanner = _dropped;
        var place = Start;
        for (; place < End && !scanner.IsBoundary; place++)
        {
            scanner.Step(_bytes[place % Size]);
        }

        return place;
    }

    /// <summary>Copies what there is from a place between <see cref="Start"/> and <see cref="End"/> on, and says how much that was.</summary>
    public int CopyFrom(long place, Span<byte> destination)
    {
        var count = (int)Math.Min(End - place, destination.Length);
        var at = (int)(place % Size);
        var untilWrap = Math.Min(count, Size - at);
        _bytes.AsSpan(at, untilWrap).CopyTo(destination);
        _bytes.AsSpan(0, count - untilWrap).CopyTo(destination[untilWrap..]);
        return count;
    }
}
