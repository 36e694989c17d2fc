using System.Buffers;
using System.Text;

namespace Relay.Streams.Wire;

/// <summary>Whether a request head was written, or why not.</summary>
public enum HeadWriteStatus
{
    /// <summary>The head was written.</summary>
    Written = 0,

    /// <summary>The target does not begin with <c>/</c>, or has a space, a control character or a non-ASCII character.</summary>
    BadTarget,

    /// <summary>A header's name is empty or not a token (RFC 9110 §5.1).</summary>
    BadHeaderName,

    /// <summary>A header's value has a control character, or a character outside of Latin-1.</summary>
    BadHeaderValue,

    /// <summary>
    /// A header announces a body, which an upgrade does not have: the server would read the bytes after the head as a body.
    /// </summary>
    AnnouncesBody,
}

/// <summary>Writes the head of an upgrade request (RFC 9112 §3, RFC 6455 §4.1). Nothing is written if any part is invalid.</summary>
public static class UpgradeRequestHead
{
    /// <summary>Writes <c>GET target HTTP/1.1</c>, the headers and the empty line.</summary>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="target">Path and query, in origin form.</param>
    /// <param name="headers">All headers, in order; nothing is added to them.</param>
    public static HeadWriteStatus TryWrite(IBufferWriter<byte> destination, string target, IReadOnlyList<HttpHeader> headers)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(headers);
        var status = Check(target, headers);
        if (status != HeadWriteStatus.Written)
        {
            return status;
        }

        Write(destination, "GET ");
        Write(destination, target);
        Write(destination, " HTTP/1.1\r\n");
        for (var i = 0; i < headers.Count; i++)
        {
            Write(destination, headers[i].Name);
            Write(destination, ": ");
            Write(destination, headers[i].Value);
            Write(destination, "\r\n");
        }

        Write(destination, "\r\n");
        return HeadWriteStatus.Written;
    }

    private static HeadWriteStatus Check(string target, IReadOnlyList<HttpHeader> headers)
    {
        if (!target.StartsWith('/') || target.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return HeadWriteStatus.BadTarget;
        }

        for (var i = 0; i < headers.Count; i++)
        {
            var header = headers[i];
            if (!HttpSyntax.IsToken(header.Name))
            {
                return HeadWriteStatus.BadHeaderName;
            }

            if (header.Value is null || !HttpSyntax.IsFieldValue(header.Value))
            {
                return HeadWriteStatus.BadHeaderValue;
            }

            if (header.Is("Transfer-Encoding") || (header.Is("Content-Length") && header.Value != "0"))
            {
                return HeadWriteStatus.AnnouncesBody;
            }
        }

        return HeadWriteStatus.Written;
    }

    private static void Write(IBufferWriter<byte> destination, string text) => Encoding.Latin1.GetBytes(text, destination);
}
