using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Http;

/// <summary>
/// Values of headers are opaque bytes (RFC 9110 §5.5): each is one character of a string (Latin-1) on the way in and one byte again on the
/// way out. Null characters and line breaks stay refused, in both directions.
/// </summary>
internal static class HeaderBytes
{
    /// <summary>For headers of clients, and of answers to them.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.RequestHeaderEncodingSelector = static name =>
            name is "Content-Length" ? DigitsOnly.Instance : name is "Connection" ? ConnectionField.Instance : Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
    }

    /// <summary>
    /// For headers to API servers, and of their answers. A cluster's own encodings do not count: its bytes pass whatever they are.
    /// </summary>
    public static void Apply(SocketsHttpHandler handler)
    {
        handler.RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1;
    }
}
