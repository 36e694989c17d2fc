namespace LocalAgent.Terminals;

/// <summary>
/// The latest output of a terminal, in a ring buffer. A place is the number of bytes since the terminal's start. Every attachment
/// reads from here, so an attachment that does not read needs no memory.
/// </summary>
internal sealed class Scrollback(int size)
{
    private readonly byte[] _bytes = new byte[size];

    // The state of the scanner at Start, after all bytes before it.
    private EscapeScanner _dropped;

    /// <summary>The capacity in bytes.</summary>
    public int Size => _bytes.Length;

    /// <summary>The place of the next output.</summary>
    public long End { get; private set; }

    /// <summary>The oldest place in the buffer.</summary>
    public long Start { get; private set; }

    /// <summary>Adds output. In a full buffer, it replaces the oldest output.</summary>
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

    /// <summary>The oldest place between two characters or escape sequences; <see cref="End"/> if there is none.</summary>
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

    /// <summary>
    /// Copies the output from a place on, which is between <see cref="Start"/> and <see cref="End"/>; returns the number of bytes.
    /// </summary>
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
