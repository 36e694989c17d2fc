namespace Relay.Streams.Resumption;

/// <summary>
/// Follows a terminal's JSON input (tailnet.md §6.1), in any split: finds where objects end, and the last size in them. Needs a few bytes
/// of memory for any input, and never throws. The API server checks the JSON.
/// </summary>
internal sealed class TerminalSizes
{
    private const int TooLarge = ushort.MaxValue + 1;
    private const int NoNumber = -1;
    private const int LongestName = 6;

    private readonly byte[] _name = new byte[LongestName];
    private int _nameLength;
    private int _depth;
    private bool _inString;
    private bool _escaped;
    private bool _isName;
    private Field _field;
    private int _number = NoNumber;
    private int _newHeight;
    private int _newWidth;

    private enum Field
    {
        Other = 0,
        Height,
        Width,
    }

    /// <summary>Whether the input is between two objects.</summary>
    public bool AtBoundary => _depth == 0 && !_inString;

    /// <summary>The last size, in rows and columns; null before the first.</summary>
    public (int Height, int Width)? Last { get; private set; }

    /// <summary>Takes the next bytes.</summary>
    public void Take(ReadOnlySpan<byte> json)
    {
        while (Skip(json) is var at && at < json.Length)
        {
            Take(json[at]);
            json = json[(at + 1)..];
        }
    }

    /// <summary>
    /// Returns how many bytes at the start need no look: most typed or pasted input lies within a long string.
    /// </summary>
    private int Skip(ReadOnlySpan<byte> json)
    {
        var at = _inString && !_escaped && _nameLength > LongestName ? json.IndexOfAny((byte)'"', (byte)'\\')
            : !_inString && _depth == 0 ? json.IndexOfAny((byte)'{', (byte)'[')
            : 0;
        return at < 0 ? json.Length : at;
    }

    private void Take(byte next)
    {
        if (_inString)
        {
            TakeOfString(next);
            return;
        }

        switch (next)
        {
            case (byte)'"' when _depth > 0:
                (_inString, _nameLength) = (true, 0);
                break;
            case (byte)'{' or (byte)'[':
                Open();
                break;
            case (byte)'}' or (byte)']' when _depth > 0:
                Close();
                break;
            case (byte)':' when _depth == 1:
                (_isName, _number) = (false, NoNumber);
                break;
            case (byte)',' when _depth == 1:
                EndValue();
                _isName = true;
                break;
            case >= (byte)'0' and <= (byte)'9' when _depth == 1:
                _number = Math.Min((Math.Max(_number, 0) * 10) + (next - '0'), TooLarge);
                break;
            case not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') when _depth == 1:
                _number = TooLarge;
                break;
        }
    }

    private void TakeOfString(byte next)
    {
        if (!_escaped && next == '"')
        {
            _inString = false;
            if (_depth == 1 && _isName)
            {
                _field = FieldOf(_name.AsSpan(0, Math.Min(_nameLength, LongestName)), _nameLength);
            }

            return;
        }

        _escaped = !_escaped && next == '\\';
        if (_nameLength < LongestName)
        {
            _name[_nameLength] = next;
        }

        _nameLength = Math.Min(_nameLength + 1, LongestName + 1);
    }

    private static Field FieldOf(ReadOnlySpan<byte> name, int length) =>
        length > LongestName ? Field.Other
        : System.Text.Ascii.EqualsIgnoreCase(name, "height"u8) ? Field.Height
        : System.Text.Ascii.EqualsIgnoreCase(name, "width"u8) ? Field.Width
        : Field.Other;

    private void Open()
    {
        if (_depth < int.MaxValue)
        {
            _depth++;
        }

        if (_depth == 1)
        {
            (_isName, _field, _number, _newHeight, _newWidth) = (true, Field.Other, NoNumber, 0, 0);
        }
    }

    private void Close()
    {
        if (_depth == 1)
        {
            EndValue();
            if (_newHeight > 0 && _newWidth > 0)
            {
                Last = (_newHeight, _newWidth);
            }
        }

        _depth--;
    }

    private void EndValue()
    {
        if (_number is > 0 and < TooLarge && _field != Field.Other)
        {
            _ = _field == Field.Height ? _newHeight = _number : _newWidth = _number;
        }

        (_field, _number) = (Field.Other, NoNumber);
    }
}
