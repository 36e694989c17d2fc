using System.Security.Cryptography;
using Crypto;

namespace Relay.Derp.Wire;

/// <summary>The three frames at the start of a connection (derp.md §1.8, §2.6).</summary>
internal static class DerpHandshake
{
    /// <summary>The JSON of a ServerInfo; upstream's servers send exactly this.</summary>
    private static ReadOnlySpan<byte> ServerInfoJson => "{\"version\":2}"u8;

    /// <summary>Creates a ServerKey frame.</summary>
    public static byte[] ServerKey(in NodeKey server)
    {
        var frame = new byte[DerpProtocol.HeaderLength + DerpProtocol.Magic.Length + NodeKey.Length];
        var at = DerpFrameHeader.Write(frame, DerpFrameType.ServerKey, frame.Length - DerpProtocol.HeaderLength);
        DerpProtocol.Magic.CopyTo(frame.AsSpan(at));
        server.CopyTo(frame.AsSpan(at + DerpProtocol.Magic.Length));
        return frame;
    }

    /// <summary>Reads a ServerKey's payload. Bytes after the key are ignored, for later versions of the protocol.</summary>
    public static bool TryReadServerKey(ReadOnlySpan<byte> payload, out NodeKey server)
    {
        var good = payload.Length is >= 40 and <= 1024 && payload.StartsWith(DerpProtocol.Magic);
        server = good ? new NodeKey(payload[DerpProtocol.Magic.Length..]) : default;
        return good;
    }

    /// <summary>Creates a ClientInfo frame, sealed to the server's key.</summary>
    /// <param name="mine">The client's key.</param>
    /// <param name="box">The box between the client's and the server's key.</param>
    /// <param name="json">The JSON of <see cref="Wire.ClientInfo"/>.</param>
    /// <param name="nonce">24 bytes, or empty for a random nonce.</param>
    /// <exception cref="CryptographicException">The server's key gives no shared secret.</exception>
    public static byte[] ClientInfo(in NodeKey mine, NaClBox box, ReadOnlySpan<byte> json, ReadOnlySpan<byte> nonce = default)
    {
        var frame = new byte[DerpProtocol.HeaderLength + NodeKey.Length + NaClBox.NonceLength + NaClBox.Overhead + json.Length];
        var at = DerpFrameHeader.Write(frame, DerpFrameType.ClientInfo, frame.Length - DerpProtocol.HeaderLength);
        mine.CopyTo(frame.AsSpan(at));
        Seal(box, json, nonce, frame.AsSpan(at + NodeKey.Length));
        return frame;
    }

    /// <summary>Opens a ClientInfo's payload.</summary>
    /// <param name="server">The server's key.</param>
    /// <param name="payload">The payload, of an allowed length.</param>
    /// <param name="key">The client's key, whose ownership the box proves.</param>
    /// <param name="box">The box between the two keys, for the answer.</param>
    /// <returns>Null when the box does not open, the key gives no shared secret, or the JSON is invalid.</returns>
    public static ClientInfo? OpenClientInfo(NodePrivateKey server, ReadOnlySpan<byte> payload, out NodeKey key, out NaClBox? box)
    {
        key = default;
        box = null;
        if (payload.Length < DerpProtocol.MinClientInfo + NaClBox.Overhead)
        {
            return null;
        }

        key = new NodeKey(payload);
        box = server.BoxWith(key);
        return Open(box, payload[NodeKey.Length..]) is { } json ? Wire.ClientInfo.Parse(json) : null;
    }

    /// <summary>Creates a ServerInfo frame, sealed to the client's key.</summary>
    public static byte[] ServerInfo(NaClBox box, ReadOnlySpan<byte> nonce = default) => ServerInfo(box, ServerInfoJson, nonce);

    /// <summary>Creates a ServerInfo frame with the given JSON.</summary>
    public static byte[] ServerInfo(NaClBox box, ReadOnlySpan<byte> json, ReadOnlySpan<byte> nonce)
    {
        var frame = new byte[DerpProtocol.HeaderLength + NaClBox.NonceLength + NaClBox.Overhead + json.Length];
        var at = DerpFrameHeader.Write(frame, DerpFrameType.ServerInfo, frame.Length - DerpProtocol.HeaderLength);
        Seal(box, json, nonce, frame.AsSpan(at));
        return frame;
    }

    /// <summary>Opens a nonce followed by a box.</summary>
    /// <returns>The JSON, or null when the box does not open.</returns>
    public static byte[]? Open(NaClBox box, ReadOnlySpan<byte> sealedBytes) =>
        sealedBytes.Length < NaClBox.NonceLength ? null : box.Open(sealedBytes[NaClBox.NonceLength..], sealedBytes[..NaClBox.NonceLength]);

    private static void Seal(NaClBox box, ReadOnlySpan<byte> json, ReadOnlySpan<byte> nonce, Span<byte> destination)
    {
        if (nonce.IsEmpty)
        {
            RandomNumberGenerator.Fill(destination[..NaClBox.NonceLength]);
        }
        else
        {
            nonce.CopyTo(destination);
        }

        box.Seal(json, destination[..NaClBox.NonceLength]).CopyTo(destination[NaClBox.NonceLength..]);
    }
}
