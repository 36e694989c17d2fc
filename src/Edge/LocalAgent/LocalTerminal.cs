using System.Net.WebSockets;
using System.Security.Cryptography;
using ControlPlane.Connections;
using LocalAgent.Terminals;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.LocalAgent;

/// <summary>
/// An attachment to a terminal of the local agent, over a WebSocket on its Unix socket (docs/wire/terminal.md). After a read the
/// caller continues on the socket's thread, and must not block.
/// </summary>
internal sealed class LocalTerminal : ITerminal
{
    private readonly SocketTransport _transport;
    private readonly WebSocket _socket;

    /// <summary>Begins the WebSocket after the upgrade.</summary>
    /// <param name="transport">This object disposes it.</param>
    /// <param name="shell">The shell's id from the agent's answer; null where an older agent sends none.</param>
    public LocalTerminal(SocketTransport transport, Guid? shell)
    {
        (_transport, Shell) = (transport, shell);
        _socket = WebSocket.CreateFromStream(
            transport.AsStream(), new WebSocketCreationOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        transport.BeginRelay();
    }

    public Guid? Shell { get; }

    /// <summary>The request of the upgrade.</summary>
    public static UpgradeRequest Request(string target) => new(
        target,
        [
            new HttpHeader("Host", AgentSocketClient.Base.Host),
            new HttpHeader("Connection", "Upgrade"),
            new HttpHeader("Upgrade", "websocket"),
            new HttpHeader("Sec-WebSocket-Version", "13"),
            new HttpHeader("Sec-WebSocket-Key", Convert.ToBase64String(RandomNumberGenerator.GetBytes(16))),
        ]);

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var result = await _socket.ReceiveAsync(buffer, cancellationToken);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return _socket.CloseStatus == WebSocketCloseStatus.NormalClosure ? 0 : throw Lost(null);
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
        SendAsync(TerminalSize.Write(height, width), WebSocketMessageType.Text, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        // A broken connection detaches the client at the agent.
        _transport.Abort();
        _socket.Dispose();
        await _transport.DisposeAsync();
    }

    private static AgentConnectionException Lost(Exception? cause) => new("the local agent has ended", cause);

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, WebSocketMessageType type, CancellationToken cancellation)
    {
        try
        {
            // The send completes at once unless the socket's buffer is full. Only then it needs the token.
            var sending = _socket.SendAsync(message, type, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
            if (!sending.IsCompletedSuccessfully)
            {
                await sending.AsTask().WaitAsync(cancellation);
            }
        }
        catch (Exception exception) when (exception is WebSocketException or ObjectDisposedException)
        {
            throw Lost(exception);
        }
    }
}
