namespace Relay.Streams.Wire;

/// <summary>The result of one step of <see cref="ChunkedDecoder"/>.</summary>
internal enum ChunkStatus
{
    /// <summary>The input is used up; the body continues.</summary>
    NeedMore = 0,

    /// <summary>A piece of the body was found.</summary>
    Data,

    /// <summary>The last chunk and the trailers have passed.</summary>
    Done,

    /// <summary>The bytes are no chunked body, or a line is over its limit.</summary>
    Invalid,
}

/// <summary>
/// Decodes a chunked body (RFC 9112 §7.1) strictly: lines end with CRLF only. Extensions and trailers are dropped. A mutable struct.
/// </summary>
internal struct ChunkedDecoder
{
    private const int MaxSizeDigits = 15;
    private const int MaxSizeLine = 4 * 1024;
    private const int MaxTrailers = 16 * 1024;

    private Stage _stage;
    private long _remaining;
    private int _digits;
    private int _lineBytes;
    private int _trailerBytes;

    private enum Stage : byte
    {
        Size,
        Extension,
        SizeEnd,
        Data,
        DataReturn,
        DataEnd,
        TrailerStart,
        Trailer,
        TrailerEnd,
        LastEnd,
        Done,
        Invalid,
    }

    /// <summary>Consumes bytes from the start of <paramref name="input"/> up to the next result.</summary>
    public ChunkStatus Read(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> data)
    {
        data = default;
        while (_stage is not (Stage.Done or Stage.Invalid))
        {
            if (input.IsEmpty)
            {
                return ChunkStatus.NeedMore;
            }

            if (_stage == Stage.Data)
            {
                data = input[..(int)Math.Min(input.Length, _remaining)];
                input = input[data.Length..];
                _remaining -= data.Length;
                _stage = _remaining == 0 ? Stage.DataReturn : Stage.Data;
                return ChunkStatus.Data;
            }

            _stage = Next(input[0]);
            input = input[1..];
        }

        return _stage == Stage.Done ? ChunkStatus.Done : ChunkStatus.Invalid;
    }

    private Stage Next(byte value) => _stage switch
    {
        Stage.Size => Size(value),
        Stage.Extension => ++_lineBytes > MaxSizeLine ? Stage.Invalid : value == '\r' ? Stage.SizeEnd : Text(value, Stage.Extension),
        Stage.SizeEnd => value == '\n' ? AfterSize() : Stage.Invalid,
        Stage.DataReturn => value == '\r' ? Stage.DataEnd : Stage.Invalid,
        Stage.DataEnd => value == '\n' ? Stage.Size : Stage.Invalid,
        Stage.TrailerStart => value == '\r' ? Stage.LastEnd : Trailer(value),
        Stage.Trailer => value == '\r' ? Stage.TrailerEnd : Trailer(value),
        Stage.TrailerEnd => value == '\n' ? Stage.TrailerStart : Stage.Invalid,
        Stage.LastEnd => value == '\n' ? Stage.Done : Stage.Invalid,
        _ => Stage.Invalid,
    };

    private Stage Size(byte value)
    {
        if (char.IsAsciiHexDigit((char)value))
        {
            _remaining = (_remaining << 4) | (uint)(value <= '9' ? value - '0' : (value | 0x20) - 'a' + 10);
            return ++_digits > MaxSizeDigits ? Stage.Invalid : Stage.Size;
        }

        return _digits == 0 ? Stage.Invalid
            : value == '\r' ? Stage.SizeEnd
            : value is (byte)';' or (byte)' ' or (byte)'\t' ? Stage.Extension
            : Stage.Invalid;
    }

    private Stage AfterSize()
    {
        _digits = 0;
        _lineBytes = 0;
        return _remaining == 0 ? Stage.TrailerStart : Stage.Data;
    }

    private Stage Trailer(byte value) => ++_trailerBytes > MaxTrailers ? Stage.Invalid : Text(value, Stage.Trailer);

    private static Stage Text(byte value, Stage next) => HttpSyntax.IsFieldValue([value]) ? next : Stage.Invalid;
}
