using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>The client's side of a followed log.</summary>
internal static class WebSockets
{
    public static async Task<string> ReceiveTextAsync(this WebSocket socket)
    {
        var message = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken)
                .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
            Assert.Equal(WebSocketMessageType.Text, result.MessageType);
            message.Write(buffer, 0, result.Count);
            if (result.EndOfMessage)
            {
                return Encoding.UTF8.GetString(message.ToArray());
            }
        }
    }

    public static async Task<List<string>> ReceiveOutputsAsync(this WebSocket socket) =>
        [.. JsonDocument.Parse(await socket.ReceiveTextAsync()).RootElement.EnumerateArray()
            .Select(static line => line.GetProperty("output").GetString()!)];

    public static async Task<(WebSocketCloseStatus? Status, string? Reason)> ReceiveCloseAsync(this WebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken)
                .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return (result.CloseStatus, result.CloseStatusDescription);
            }
        }
    }
}
