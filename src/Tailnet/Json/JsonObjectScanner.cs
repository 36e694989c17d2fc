using System.Buffers;

namespace Tailnet.Json;

/// <summary>The result of <see cref="JsonObjectScanner"/>.</summary>
internal enum JsonScan
{
    /// <summary>The object is incomplete.</summary>
    NeedMore,

    /// <summary>An object is complete.</summary>
    Done,

    /// <summary>The bytes begin no object, or the object is nested too deeply.</summary>
    NoObject,

    /// <summary>The object is longer than allowed.</summary>
    TooLarge,
}

/// <summary>
/// Finds the ends of JSON objects in a stream of objects, with or without white space in between. It looks at each byte once, however the
/// stream is split, and buffers none: the caller keeps the bytes of an incomplete object. The parser checks the JSON.
/// </summary>
/// <param name="maxBytes">The longest object in bytes.</param>
internal struct JsonObjectScanner(int maxBytes)
{
    private const int MaxDepth = 16;

    private long _scanned;
    private int _depth;
    private bool _inText;
    private bool _escaped;

    /// <summary>
    /// Looks for the end of the object at the start of <paramref name="buffer"/>. White space before the object is sliced off. Unless the
    /// result is <see cref="JsonScan.Done"/>, the next call must begin with the same bytes.
    /// </summary>
    /// <param name="buffer">The received bytes; a complete object is sliced off.</param>
    /// <param name="json">The object, if it is complete.</param>
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
