using System.Buffers;

namespace ControlPlane.Terminals;

/// <summary>
/// Parses a client's input to a terminal (tailnet.md §6.1): a stream of JSON objects, in which message boundaries have no meaning. Buffers
/// one partial object at most, up to a limit. Never throws.
/// </summary>
internal sealed class TerminalInput(int maxObjectBytes)
{
    private const int MaxDepth = 16;

    private readonly ArrayBufferWriter<byte> _partial = new();
    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Reads up to the end of one object at most.</summary>
    /// <param name="bytes">The received bytes. The method removes those that it has read.</param>
    /// <param name="value">The object, for <see cref="TerminalInputStatus.Object"/>.</param>
    /// <returns>
    /// The status. After any other than <see cref="TerminalInputStatus.More"/> and <see cref="TerminalInputStatus.Object"/> the stream
    /// cannot be read again.
    /// </returns>
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
        if (_partial.WrittenCount + length > maxObjectBytes)
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
            _partial.Write(part);
            return TerminalInputStatus.More;
        }

        var parsed = false;
        if (_partial.WrittenCount == 0)
        {
            parsed = TerminalInputObject.TryParse(part, out value);
        }
        else
        {
            _partial.Write(part);
            parsed = TerminalInputObject.TryParse(_partial.WrittenSpan, out value);
            _partial.ResetWrittenCount();
        }

        return parsed ? TerminalInputStatus.Object : TerminalInputStatus.Invalid;
    }

    /// <summary>The length up to the end of the object, or -1. The parser checks later whether the object is valid JSON.</summary>
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

/// <summary>The result of <see cref="TerminalInput.Read"/>.</summary>
internal enum TerminalInputStatus
{
    /// <summary>All bytes are read, and the object is not complete.</summary>
    More,

    /// <summary>An object is complete. More bytes may follow it.</summary>
    Object,

    /// <summary>The input is not JSON, not UTF-8, or not an object of the right form.</summary>
    Invalid,

    /// <summary>The object is longer than allowed.</summary>
    TooLong,
}
