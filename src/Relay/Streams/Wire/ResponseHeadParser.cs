using System.Buffers;
using System.Text;

namespace Relay.Streams.Wire;

/// <summary>The result of reading a response's head.</summary>
public enum HeadParseStatus
{
    /// <summary>The head is incomplete; the bytes so far are valid.</summary>
    NeedMore = 0,

    /// <summary>A final head, or that of a 101, was read.</summary>
    Done,

    /// <summary>The bytes are no HTTP/1.x response head, or an ambiguous one.</summary>
    Invalid,

    /// <summary>The head is over <see cref="ResponseHeadLimits"/>.</summary>
    TooLarge,
}

/// <summary>Limits of a response's head.</summary>
/// <param name="MaxBytes">Bytes of the head, including the interim responses before it.</param>
/// <param name="MaxHeaders">Header lines in one head.</param>
/// <param name="MaxInterim">Interim responses (1xx other than 101) that are skipped.</param>
public readonly record struct ResponseHeadLimits(int MaxBytes, int MaxHeaders, int MaxInterim)
{
    /// <summary>64 KiB, 200 headers, 8 interim responses.</summary>
    public static ResponseHeadLimits Default { get; } = new(64 * 1024, 200, 8);
}

/// <summary>
/// Reads the head of an HTTP/1.0 or 1.1 response (RFC 9112 §2 to §5) strictly: CRLF only, no folded lines, no space before the colon,
/// no control characters. Pure: call it again with all bytes from the start when more have arrived.
/// </summary>
public static class ResponseHeadParser
{
    private const int StatusLineMin = 12;

    private static ReadOnlySpan<byte> VersionPrefix => "HTTP/1."u8;

    /// <summary>Reads the final head, after the interim responses at the start of the input.</summary>
    /// <param name="input">All bytes since the request was sent.</param>
    /// <param name="limits">The limits.</param>
    /// <param name="head">The head, when the result is <see cref="HeadParseStatus.Done"/>.</param>
    /// <param name="consumed">Bytes up to the end of the head, when the result is <see cref="HeadParseStatus.Done"/>.</param>
    public static HeadParseStatus Parse(
        in ReadOnlySequence<byte> input, ResponseHeadLimits limits, out ResponseHead? head, out long consumed)
    {
        head = null;
        consumed = 0;
        if (input.IsSingleSegment)
        {
            return Parse(input.FirstSpan, limits, out head, out consumed);
        }

        var size = (int)Math.Min(input.Length, (long)limits.MaxBytes + 1);
        var copy = ArrayPool<byte>.Shared.Rent(size);
        input.Slice(0, size).CopyTo(copy);
        var status = Parse(copy.AsSpan(0, size), limits, out head, out consumed);
        ArrayPool<byte>.Shared.Return(copy);
        return status;
    }

    private static HeadParseStatus Parse(ReadOnlySpan<byte> input, ResponseHeadLimits limits, out ResponseHead? head, out long consumed)
    {
        head = null;
        consumed = 0;
        var within = input[..Math.Min(input.Length, limits.MaxBytes)];
        for (var interim = 0; ; interim++)
        {
            var status = Measure(within[(int)consumed..], limits.MaxHeaders, out var code, out var size);
            if (status == HeadParseStatus.NeedMore && input.Length >= limits.MaxBytes)
            {
                return HeadParseStatus.TooLarge;
            }

            if (status != HeadParseStatus.Done)
            {
                return status;
            }

            if (code is >= 200 or 101)
            {
                head = Build(within.Slice((int)consumed, size), code);
                consumed += size;
                return HeadParseStatus.Done;
            }

            consumed += size;
            if (interim == limits.MaxInterim)
            {
                return HeadParseStatus.TooLarge;
            }
        }
    }

    /// <summary>Checks one head line by line, without an allocation, so that invalid bytes are refused as soon as they arrive.</summary>
    private static HeadParseStatus Measure(ReadOnlySpan<byte> input, int maxHeaders, out int code, out int size)
    {
        code = 0;
        size = 0;
        var prefix = input[..Math.Min(input.Length, VersionPrefix.Length)];
        if (!VersionPrefix.StartsWith(prefix))
        {
            return HeadParseStatus.Invalid;
        }

        for (var lines = 0; ; lines++)
        {
            var status = NextLine(input[size..], out var line);
            if (status != HeadParseStatus.Done)
            {
                return status;
            }

            size += line.Length + 2;
            if (lines == 0)
            {
                if (!IsStatusLine(line, out code))
                {
                    return HeadParseStatus.Invalid;
                }
            }
            else if (line.IsEmpty)
            {
                return HeadParseStatus.Done;
            }
            else if (lines > maxHeaders)
            {
                return HeadParseStatus.TooLarge;
            }
            else if (!IsHeaderLine(line))
            {
                return HeadParseStatus.Invalid;
            }
        }
    }

    private static HeadParseStatus NextLine(ReadOnlySpan<byte> input, out ReadOnlySpan<byte> line)
    {
        line = default;
        var end = input.IndexOf((byte)'\n');
        if (end < 0)
        {
            return HeadParseStatus.NeedMore;
        }

        if (end == 0 || input[end - 1] != '\r')
        {
            return HeadParseStatus.Invalid;
        }

        line = input[..(end - 1)];
        return HeadParseStatus.Done;
    }

    private static bool IsStatusLine(ReadOnlySpan<byte> line, out int code)
    {
        code = 0;
        if (line.Length < StatusLineMin || !line.StartsWith(VersionPrefix) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' ')
        {
            return false;
        }

        foreach (var digit in line.Slice(9, 3))
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            code = (code * 10) + digit - '0';
        }

        return code >= 100
            && (line.Length == StatusLineMin || line[StatusLineMin] == ' ')
            && HttpSyntax.IsFieldValue(line[StatusLineMin..]);
    }

    private static bool IsHeaderLine(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        return colon > 0 && HttpSyntax.IsToken(line[..colon]) && HttpSyntax.IsFieldValue(line[(colon + 1)..]);
    }

    private static ResponseHead Build(ReadOnlySpan<byte> input, int code)
    {
        NextLine(input, out var line);
        var minor = line[7] - '0';
        var reason = line.Length > StatusLineMin ? Encoding.Latin1.GetString(line[(StatusLineMin + 1)..]) : "";
        var headers = new List<HttpHeader>();
        for (input = input[(line.Length + 2)..];
            NextLine(input, out line) == HeadParseStatus.Done && !line.IsEmpty;
            input = input[(line.Length + 2)..])
        {
            var colon = line.IndexOf((byte)':');
            var value = line[(colon + 1)..].Trim(" \t"u8);
            headers.Add(new HttpHeader(Encoding.Latin1.GetString(line[..colon]), Encoding.Latin1.GetString(value)));
        }

        return new ResponseHead(minor, code, reason, headers);
    }
}
