using System.Buffers;

namespace Tailnet.Json;

/// <summary>What the scanner found.</summary>
internal enum JsonScan
{
    /// <summary>The object goes on behind the bytes there are.</summary>
    NeedMore,

    /// <summary>An object is whole.</summary>
    Done,

    /// <summary>No object begins here, or it is nested too deeply.</summary>
    NoObject,

    /// <summary>The object is longer than allowed.</summary>
    TooLarge,
}

/// <summary>
/// Finds where JSON objects end in a stream of them, with or without white space between. It looks at every byte once, however the
/// stream is cut, and holds none: the caller keeps the bytes of an object until it is whole. Whether the object is good JSON
/// is for its parser to say.
/// </summary>
/// <param name="maxBytes">The longest object.</param>
internal struct JsonObjectScanner(int maxBytes)
{
    private const int MaxDepth = 16;

    private long _scanned;
    private int _depth;
    private bool _inText;
    private bool _escaped;

    /// <summary>
    /// Looks for the end of the object at the front of <paramref name="buffer"/>. White space before it is taken off. Unless the answer is
    /// <see cref="JsonScan.Done"/>, the next call must begin with the same bytes.
    /// </summary>
    /// <param name="buffer">What there is; behind the object when it is whole.</param>
    /// <param name="json">The whole object.</param>
    public JsonScan TryRead(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> json)
    {
        json = default;
        foreach (var segment in buffer.Slice(_scanned))
        {
            foreach (var letter in segment.Span)
            {
                if (_depth == 0 && letter is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' && _scanned == 0)
                {
                    buffer = buffer.Slice(1);
                    continue;
                }

                if (_scanned == 0 && letter != '{')
                {
                    return JsonScan.NoObject;
                }

                if (++_scanned > maxBytes)
                {
                    return JsonScan.TooLarge;
                }

                if (!TryTake(letter))
                {
                    return JsonScan.NoObject;
                }

                if (_depth == 0)
                {
                    json = buffer.Slice(0, _scanned);
                    buffer = buffer.Slice(_scanned);
                    _scanned = 0;
                    return JsonScan.Done;
                }
            }
        }

        return JsonScan.NeedMore;
    }

    private bool TryTake(byte letter)
    {
        if (_inText)
        {
            _inText = _escaped || letter != '"';
            _escaped = !_escaped && letter == '\\';
            return true;
        }

        switch (letter)
        {
            case (byte)'"':
                _inText = true;
                return true;
            case (byte)'{' or (byte)'[':
                return ++_depth <= MaxDepth;
            case (byte)'}' or (byte)']':
                _depth--;
                return true;
            default:
                return true;
        }
    }
}
