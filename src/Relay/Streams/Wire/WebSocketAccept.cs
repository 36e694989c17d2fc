using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Streams.Wire;

/// <summary>The value of <c>Sec-WebSocket-Accept</c> (RFC 6455 §4.2.2).</summary>
public static class WebSocketAccept
{
    // RFC 6455 §1.3: a server appends this to the key before it hashes it.
    private const string Suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>Returns the value for a key.</summary>
    /// <param name="key">The client's <c>Sec-WebSocket-Key</c>, unchanged.</param>
    [SuppressMessage(
        "Security", "CA5350", Justification = "RFC 6455 asks for SHA-1. The hash proves that the server understood, and secures nothing.")]
    public static string For(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.Latin1.GetBytes(key + Suffix)));
}
