using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace LivenessSuite;

/// <summary>One end of a WebSocket, byte by byte.</summary>
internal sealed class Peer(Socket socket, Stream stream) : IDisposable
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    // A binary frame of 2 bytes with a mask of zeros, and one of 1,000 bytes without a mask.
    private static readonly byte[] FromClient = [0x82, 0x82, 0, 0, 0, 0, 1, 2];
    private static readonly byte[] FromBackend = [0x82, 126, 0x03, 0xe8, .. new byte[1000]];

    /// <summary>Asks the edge for a WebSocket.</summary>
    public static async Task<Peer> AskAsync(Socket socket, IPEndPoint edge, bool tls, string target)
    {
        await socket.ConnectAsync(edge);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (tls)
        {
            var secure = new SslStream(stream, false, static (_, _, _, _) => true);
            await secure.AuthenticateAsClientAsync("edge");
            stream = secure;
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {target} HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + $"Sec-WebSocket-Key: {Key}\r\n\r\n"));
        return new Peer(socket, stream);
    }

    /// <summary>Accepts one that the edge asks for.</summary>
    public static async Task<Peer> AcceptAsync(Socket listener)
    {
        var socket = await listener.AcceptAsync();
        var peer = new Peer(socket, new NetworkStream(socket, ownsSocket: true));
        var head = await peer.HeadAsync();
        var key = head.Split("\r\n").First(static line => line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase))
            .Split(':')[1].Trim();
        await peer.SendAsync(Encoding.ASCII.GetBytes(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + $"Sec-WebSocket-Accept: {Accept(key)}\r\n\r\n"));
        return peer;
    }

    /// <summary>Reads a head, byte by byte so that nothing behind it is lost.</summary>
    public async Task<string> HeadAsync()
    {
        var head = new StringBuilder();
        var next = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(next);
            head.Append((char)next[0]);
        }

        return head.ToString();
    }

    public Task SendFrameAsync(bool asClient) => SendAsync(asClient ? FromClient : FromBackend);

    /// <summary>Sends a bulk transfer: frames of this many bytes in all, as fast as the other end reads them.</summary>
    public async Task SendBulkTransferAsync(bool asClient, int bytes)
    {
        var frame = asClient ? [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. new byte[64 << 10]] : new byte[10 + (64 << 10)];
        (frame[0], frame[1], frame[7]) = (0x82, (byte)(asClient ? 0xff : 127), 1);
        for (var sent = 0; sent < bytes; sent += 64 << 10)
        {
            await SendAsync(frame);
        }
    }

    /// <summary>Reads to the end, orderly or not, or until a text has come; and says how much that was.</summary>
    public async Task<long> ReadAsync(long atMost = long.MaxValue, string? text = null)
    {
        var buffer = new byte[64 << 10];
        var seen = 0L;
        try
        {
            while (seen < atMost)
            {
                var count = await stream.ReadAsync(buffer);
                seen += count;
                if (count == 0
                    || (text is not null && Encoding.Latin1.GetString(buffer, 0, count).Contains(text, StringComparison.Ordinal)))
                {
                    return seen;
                }
            }
        }
        catch (IOException)
        {
            // A reset ends the stream too.
            return seen;
        }

        return seen;
    }

    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }

    private async Task SendAsync(byte[] bytes) => await stream.WriteAsync(bytes);

    [SuppressMessage("Security", "CA5350", Justification = "RFC 6455 §4.2.2 prescribes SHA-1; nothing depends on its strength.")]
    private static string Accept(string key) => Convert.ToBase64String(
        System.Security.Cryptography.SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}
