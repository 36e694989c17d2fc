using System.Net.WebSockets;
using System.Text;

namespace Testing;

/// <summary>What tests do with WebSockets, in one word each.</summary>
public static class TestSocket
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<ClientWebSocket> ConnectAsync(Uri http, string path, Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        configure?.Invoke(socket.Options);
        await socket.ConnectAsync(new Uri($"ws://{http.Authority}{path}"), CancellationToken.None).WaitAsync(Patience);
        return socket;
    }

    public static Task SendTextAsync(this WebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None).WaitAsync(Patience);

    /// <summary>The next message as text, or <c>close 1001 reason</c>.</summary>
    public static async Task<string> ReceiveTextAsync(this WebSocket socket)
    {
        var buffer = new byte[16 << 10];
        var text = new StringBuilder();
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Patience);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                return $"close {(int?)received.CloseStatus} {received.CloseStatusDescription}".TrimEnd();
            }

            text.Append(Encoding.UTF8.GetString(buffer, 0, received.Count));
            if (received.EndOfMessage)
            {
                return text.ToString();
            }
        }
    }

    /// <summary>A handler that sends every message back, until the peer closes.</summary>
    public static async Task EchoAsync(this WebSocket socket)
    {
        var buffer = new byte[64 << 10];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(
                    received.CloseStatus ?? WebSocketCloseStatus.NormalClosure, received.CloseStatusDescription, CancellationToken.None);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, CancellationToken.None);
        }
    }
}
