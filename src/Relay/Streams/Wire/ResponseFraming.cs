namespace Relay.Streams.Wire;

/// <summary>How the end of a response's body is found.</summary>
public enum BodyKind
{
    /// <summary>There is no body.</summary>
    None = 0,

    /// <summary>The head states the length.</summary>
    Length,

    /// <summary>The body is chunked (RFC 9112 §7.1).</summary>
    Chunked,

    /// <summary>The body ends with the connection.</summary>
    UntilClose,
}

/// <summary>The framing of a response's body (RFC 9112 §6.3). Ambiguous framing is refused.</summary>
/// <param name="Kind">How the body's end is found.</param>
/// <param name="Length">The length in bytes for <see cref="BodyKind.Length"/>; otherwise 0.</param>
public readonly record struct ResponseFraming(BodyKind Kind, long Length)
{
    private const int MaxLengthDigits = 18;

    /// <summary>Decides the framing of the answer to a GET. Returns false when the head contradicts itself.</summary>
    /// <param name="head">A final response's head.</param>
    /// <param name="framing">The framing, when the result is true.</param>
    public static bool TryDecide(ResponseHead head, out ResponseFraming framing)
    {
        ArgumentNullException.ThrowIfNull(head);
        long? length = null;
        string? coding = null;
        framing = default;
        foreach (var header in head.Headers)
        {
            if (header.Is("Transfer-Encoding"))
            {
                if (coding is not null)
                {
                    return false;
                }

                coding = header.Value;
            }
            else if (header.Is("Content-Length") && !TryLength(header.Value, ref length))
            {
                return false;
            }
        }

        // RFC 9110 §15.3.6: 205 has no body.
        if (head.Status == 205 && (coding is not null || length > 0))
        {
            return false;
        }

        if (coding is not null
            && (length is not null || head.MinorVersion == 0 || !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase)))
        {
            return false;
        }

        framing = head.Status is < 200 or 204 or 205 or 304 ? new ResponseFraming(BodyKind.None, 0)
            : coding is not null ? new ResponseFraming(BodyKind.Chunked, 0)
            : length is { } known ? new ResponseFraming(BodyKind.Length, known)
            : new ResponseFraming(BodyKind.UntilClose, 0);
        return true;
    }

    private static bool TryLength(ReadOnlySpan<char> list, ref long? length)
    {
        foreach (var range in list.Split(','))
        {
            var digits = list[range].Trim(" \t");
            if (digits.IsEmpty || digits.Length > MaxLengthDigits || digits.ContainsAnyExceptInRange('0', '9'))
            {
                return false;
            }

            long value = 0;
            foreach (var digit in digits)
            {
                value = (value * 10) + digit - '0';
            }

            if (length is not null && length != value)
            {
                return false;
            }

            length = value;
        }

        return true;
    }
}
