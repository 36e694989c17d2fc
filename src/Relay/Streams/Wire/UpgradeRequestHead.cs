using System.Buffers;
using System.Text;

namespace Relay.Streams.Wire;

/// <summary>Whether a request head could be written, and otherwise what stands against it.</summary>
public enum HeadWriteStatus
{
    /// <summary>The head was written.</summary>
    Written = 0,

    /// <summary>The target does not begin with <c>/</c>, or holds a space, a control character or a character beyond ASCII.</summary>
    BadTarget,

    /// <summary>A header's name is empty or no token (RFC 9110 §5.1).</summary>
    BadHeaderName,

    /// <summary>A header's value holds a control character, or a character beyond Latin-1.</summary>
    BadHeaderValue,

    /// <summary>A header announces a body, which an upgrade does not have: what follows the head would be read as one.</summary>
    AnnouncesBody,
}

/// <summary>Writes the head of an upgrade request (RFC 9112 §3, RFC 6455 §4.1). Nothing is written unless all of it is in order.</summary>
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

        Put(destination, "GET ");
        Put(destination, target);
        Put(destination, " HTTP/1.1\r\n");
        for (var i = 0; i < headers.Count; i++)
        {
            Put(destination, headers[i].Name);
            Put(destination, ": ");
            Put(destination, headers[i].Value);
            Put(destination, "\r\n");
        }

        Put(destination, "\r\n");
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

    private static void Put(IBufferWriter<byte> destination, string text) => Encoding.Latin1.GetBytes(text, destination);
}
