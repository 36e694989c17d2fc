using System.Net.WebSockets;

namespace ControlPlane.Access;

/// <summary>
/// A WebSocket that <see cref="OpenStreams"/> can close while an endpoint uses it. After that the endpoint's messages are dropped, and its
/// reads last until the peer's close. If its sends failed instead, the endpoint would abort the connection, and the reset could overtake
/// the close frame.
/// </summary>
internal sealed class RevocableWebSocket(WebSocket inner) : WebSocket
{
    private volatile bool _isRevoked;

    public override WebSocketCloseStatus? CloseStatus => inner.CloseStatus;

    public override string? CloseStatusDescription => inner.CloseStatusDescription;

    public override WebSocketState State => inner.State;

    public override string? SubProtocol => inner.SubProtocol;

    /// <summary>Sends the close frame as the last frame, and does not wait for the peer's.</summary>
    /// <exception cref="WebSocketException">The socket is no longer open.</exception>
    public Task RevokeAsync(string reason, CancellationToken cancel)
    {
        _isRevoked = true;
        return inner.CloseOutputAsync(WebSocketCloseStatus.PolicyViolation, reason, cancel);
    }

    public override void Abort() => inner.Abort();

    public override Task CloseAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) =>
        inner.CloseAsync(closeStatus, statusDescription, cancellationToken);

    public override async Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        if (_isRevoked)
        {
            return;
        }

        try
        {
            await inner.CloseOutputAsync(closeStatus, statusDescription, cancellationToken);
        }
        catch (WebSocketException) when (_isRevoked)
        {
            // RevokeAsync has sent the close frame in the meantime.
        }
    }

    public override Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken) =>
        inner.ReceiveAsync(buffer, cancellationToken);

    public override ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        inner.ReceiveAsync(buffer, cancellationToken);

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        SendAsync(buffer, messageType, Flags(endOfMessage), cancellationToken).AsTask();

    public override ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        SendAsync(buffer, messageType, Flags(endOfMessage), cancellationToken);

    public override async ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer,
        WebSocketMessageType messageType,
        WebSocketMessageFlags messageFlags,
        CancellationToken cancellationToken)
    {
        if (_isRevoked)
        {
            return;
        }

        try
        {
            await inner.SendAsync(buffer, messageType, messageFlags, cancellationToken);
        }
        catch (WebSocketException) when (_isRevoked)
        {
            // RevokeAsync has sent the close frame in the meantime.
        }
    }

    public override void Dispose() => inner.Dispose();

    private static WebSocketMessageFlags Flags(bool endOfMessage) =>
        endOfMessage ? WebSocketMessageFlags.EndOfMessage : WebSocketMessageFlags.None;
}
