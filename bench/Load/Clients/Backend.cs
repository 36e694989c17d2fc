using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Load.Scenarios;

namespace Load.Clients;

/// <summary>
/// The API server behind the proxies, with a thread for each connection. It answers requests with a short JSON, and echoes the messages
/// of an upgraded stream. If the path contains <c>bulk-transfer</c>, it sends a bulk transfer without end instead.
/// </summary>
internal sealed class Backend : IDisposable
{
    private const int BulkTransferMessage = 16 * 1024;

    private static readonly byte[] Answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"message\":\"ok\"}"u8.ToArray();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public Backend()
    {
        _listener.Start(4096);
        Wires.Run(() =>
        {
            while (true)
            {
                var socket = _listener.AcceptSocket();
                socket.NoDelay = true;
                Wires.Run(() => Serve(socket));
            }
        });
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    private static void Serve(Socket socket)
    {
        using var _ = socket;
        var buffer = new byte[16 * 1024];
        var end = 0;
        while (true)
        {
            var head = buffer.AsSpan(0, end).IndexOf("\r\n\r\n"u8);
            if (head < 0)
            {
                var n = socket.Receive(buffer.AsSpan(end));
                if (n == 0)
                {
                    return;
                }

                end += n;
                continue;
            }

            var text = Encoding.ASCII.GetString(buffer, 0, head);
            buffer.AsSpan(head + 4, end - head - 4).CopyTo(buffer);
            end -= head + 4;
            if (!text.Contains("\nUpgrade: websocket", StringComparison.OrdinalIgnoreCase))
            {
                socket.Send(Answer);
                continue;
            }

            socket.Send(Switching(text));
            var requestLine = text.AsSpan(0, text.IndexOf('\n', StringComparison.Ordinal));
            if (requestLine.Contains(StreamPaths.BulkTransferMark, StringComparison.Ordinal))
            {
                SendBulkTransfer(socket);
            }
            else
            {
                Echo(socket, buffer.AsSpan(0, end));
            }

            return;
        }
    }

    [SuppressMessage("Security", "CA5350", Justification = "RFC 6455 §4.2.2 asks for SHA-1, as a check of understanding, not of secrecy.")]
    private static byte[] Switching(string head)
    {
        const string Name = "sec-websocket-key:";
        var at = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase) + Name.Length;
        var key = head[at..].Split('\r')[0].Trim();
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
        return Encoding.ASCII.GetBytes(
            $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
    }

    private static void SendBulkTransfer(Socket socket)
    {
        var message = new byte[4 * (BulkTransferMessage + 4)];
        for (var at = 0; at < message.Length; at += BulkTransferMessage + 4)
        {
            WebSocketBytes.WriteHeader(message.AsSpan(at), BulkTransferMessage, masked: false);
        }

        while (socket.Send(message) > 0)
        {
        }
    }

    // Clients mask with zeros (see StreamClient), so an echo is another header before the same bytes.
    private static void Echo(Socket socket, ReadOnlySpan<byte> first)
    {
        var (input, output) = (new byte[128 * 1024], new byte[128 * 1024]);
        first.CopyTo(input);
        var end = first.Length;
        while (true)
        {
            var (at, filled) = (0, 0);
            while (end - at >= 2)
            {
                var size = input[at + 1] & 0x7f;
                var header = size == 126 ? 8 : 6;
                if (end - at < header)
                {
                    break;
                }

                size = size == 126 ? BinaryPrimitives.ReadUInt16BigEndian(input.AsSpan(at + 2)) : size;
                if (end - at < header + size)
                {
                    break;
                }

                filled += WebSocketBytes.WriteHeader(output.AsSpan(filled), size, masked: false);
                input.AsSpan(at + header, size).CopyTo(output.AsSpan(filled));
                filled += size;
                at += header + size;
            }

            input.AsSpan(at, end - at).CopyTo(input);
            end -= at;
            if (filled > 0)
            {
                socket.Send(output.AsSpan(0, filled));
            }

            var n = socket.Receive(input.AsSpan(end));
            if (n == 0)
            {
                return;
            }

            end += n;
        }
    }
}
