using System.Buffers;

namespace ControlPlane.Terminals;

/// <summary>
/// The client's side of a terminal (tailnet.md §6.1): a stream of JSON objects, cut and joined by messages at will. Finds where each ends
/// and reads it; holds no more than one, and that up to a limit. Never throws.
/// </summary>
internal sealed class TerminalInput(int maxObjectBytes)
{
    private const int MaxDepth = 16;

    private readonly ArrayBufferWriter<byte> _held = new();
    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Takes the next of <paramref name="bytes"/>, up to the end of one object at most.</summary>
    /// <param name="bytes">What came; what was taken is removed from it.</param>
    /// <param name="value">The object, for <see cref="TerminalInputStatus.Object"/>.</param>
    /// <returns>After anything but <see cref="TerminalInputStatus.More"/> and <see cref="TerminalInputStatus.Object"/> the stream is over.</returns>
    public TerminalInputStatus Read(ref ReadOnlySpan<byte> bytes, out TerminalInputObject value)
    {
        value = default;
        if (_depth == 0)
        {
            bytes = bytes.TrimStart(" \t\r\n"u8);
            if (!bytes.IsEmpty && bytes[0] != '{')
            {
                return TerminalInputStatus.Invalid;
            }
        }

        var end = FindEnd(bytes);
        var length = end < 0 ? bytes.Length : end;
        if (_held.WrittenCount + length > maxObjectBytes)
        {
            return TerminalInputStatus.TooLong;
        }

        if (_depth > MaxDepth)
        {
            return TerminalInputStatus.Invalid;
        }

        var part = bytes[..length];
        bytes = bytes[length..];
        if (end < 0)
        {
            _held.Write(part);
            return TerminalInputStatus.More;
        }

        var parsed = false;
        if (_held.WrittenCount == 0)
        {
            parsed = TerminalInputObject.TryParse(part, out value);
        }
        else
        {
            _held.Write(part);
            parsed = TerminalInputObject.TryParse(_held.WrittenSpan, out value);
            _held.ResetWrittenCount();
        }

        return parsed ? TerminalInputStatus.Object : TerminalInputStatus.Invalid;
    }

    /// <summary>The length up to the end of the object, or -1. Whether it is right JSON is found out by its parser.</summary>
    private int FindEnd(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var next = bytes[i];
            if (_escaped)
            {
                _escaped = false;
            }
            else if (_inString)
            {
                _escaped = next == '\\';
                _inString = next != '"';
            }
            else if (next == '"')
            {
                _inString = true;
            }
            else if (next is (byte)'{' or (byte)'[' && ++_depth > MaxDepth)
            {
                return -1;
            }
            else if (next is (byte)'}' or (byte)']' && --_depth == 0)
            {
                return i + 1;
            }
        }

        return -1;
    }
}

/// <summary>What became of bytes given to <see cref="TerminalInput"/>.</summary>
internal enum TerminalInputStatus
{
    /// <summary>All are taken; the object goes on.</summary>
    More,

    /// <summary>There is an object, and perhaps more bytes.</summary>
    Object,

    /// <summary>Not JSON, not UTF-8, or not an object of input.</summary>
    Invalid,

    /// <summary>The object is longer than allowed.</summary>
    TooLong,
}
