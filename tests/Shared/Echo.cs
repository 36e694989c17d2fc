using Microsoft.AspNetCore.Http;

namespace Testing;

/// <summary>Handlers of API servers that say what they saw.</summary>
internal static class Echo
{
    /// <summary>Answers with the request's headers, as a JSON object of texts.</summary>
    public static Task HeadersAsync(HttpContext context) =>
        context.Response.WriteAsJsonAsync(
            context.Request.Headers.ToDictionary(static header => header.Key, static header => header.Value.ToString()));

    /// <summary>Accepts a WebSocket, and sends every message back.</summary>
    public static async Task SocketAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        await socket.EchoAsync();
    }
}
