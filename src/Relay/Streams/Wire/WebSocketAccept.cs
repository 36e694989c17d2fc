using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Streams.Wire;

/// <summary>The value of <c>Sec-WebSocket-Accept</c> (RFC 6455 §4.2.2).</summary>
public static class WebSocketAccept
{
    // RFC 6455 §1.3: what a server appends to the key before it hashes it.
    private const string Suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>The value that answers a key.</summary>
    /// <param name="key">The client's <c>Sec-WebSocket-Key</c>, as it came.</param>
    [SuppressMessage("Security", "CA5350", Justification = "The RFC asks for SHA-1. It proves that the server understood, and secures nothing.")]
    public static string For(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.Latin1.GetBytes(key + Suffix)));
}
