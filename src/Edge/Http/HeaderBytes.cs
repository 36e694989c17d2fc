using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Http;

/// <summary>
/// Treats header values as opaque bytes (RFC 9110 §5.5): each byte is one character of a string (Latin-1), and is sent as the same
/// byte. Null characters and line breaks are still refused in both directions.
/// </summary>
internal static class HeaderBytes
{
    /// <summary>Configures the headers of clients' requests and their responses.</summary>
    public static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.RequestHeaderEncodingSelector = static name =>
            name is "Content-Length" ? DigitsOnly.Instance : name is "Connection" ? ConnectionField.Instance : Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
    }

    /// <summary>
    /// Configures the headers of requests to API servers and their responses. Encodings in a cluster's configuration have no effect.
    /// </summary>
    public static void Apply(SocketsHttpHandler handler)
    {
        handler.RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1;
    }
}
