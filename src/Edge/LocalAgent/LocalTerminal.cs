using System.Net.WebSockets;
using ControlPlane.Connections;
using Edge.LocalAgent.Terminals;

namespace Edge.LocalAgent;

/// <summary>An attachment to a terminal of the local agent, over a WebSocket on its Unix socket (<see cref="AttachmentSocket"/>).</summary>
internal sealed class LocalTerminal(ClientWebSocket socket) : ITerminal
{
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var result = await socket.ReceiveAsync(buffer, cancellationToken);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return socket.CloseStatus == WebSocketCloseStatus.NormalClosure ? 0 : throw Lost(null);
                }

                if (result.Count > 0)
                {
                    return result.Count;
                }
            }
        }
        catch (WebSocketException exception)
        {
            throw Lost(exception);
        }
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken) =>
        SendAsync(input, WebSocketMessageType.Binary, cancellationToken);

    public ValueTask ResizeAsync(ushort height, ushort width, CancellationToken cancellationToken) =>
        SendAsync(AttachmentSocket.WriteSize(height, width), WebSocketMessageType.Text, cancellationToken);

    public ValueTask DisposeAsync()
    {
        // The agent takes a broken connection as a detachment.
        socket.Abort();
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private static AgentConnectionException Lost(Exception? cause) => new("the local agent has ended", cause);

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, WebSocketMessageType type, CancellationToken cancellation)
    {
        try
        {
            await socket.SendAsync(message, type, WebSocketMessageFlags.EndOfMessage, cancellation);
        }
        catch (Exception exception) when (exception is WebSocketException or ObjectDisposedException)
        {
            throw Lost(exception);
        }
    }
}
