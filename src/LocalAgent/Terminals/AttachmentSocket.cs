using System.Net.WebSockets;

namespace LocalAgent.Terminals;

/// <summary>
/// An attachment over the agent's WebSocket. Binary messages are input and output, a text message is a <see cref="TerminalSize"/>.
/// The close status is 1000 when the terminal has ended. When the agent ends, the connection breaks without a close frame.
/// </summary>
internal static class AttachmentSocket
{
    /// <summary>
    /// Serves the attachment until either side ends it; never throws. Input is written to the terminal on the thread that has
    /// received it, and output to the socket on the terminal's thread. Neither blocks its thread.
    /// </summary>
    /// <param name="socket">The client's WebSocket. It is aborted at the end.</param>
    /// <param name="attachment">The client's attachment.</param>
    /// <param name="thread">Disposed when no more is read from the socket.</param>
    /// <param name="stopping">Cancelled when the agent stops.</param>
    public static async Task RunAsync(WebSocket socket, TerminalAttachment attachment, IDisposable? thread, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var sending = SendAsync(socket, attachment, stop.Token);
        var receiving = ReceiveAsync(socket, attachment, stop.Token);

        // The client is an API server of this machine, so no close handshake is needed after its close or an error. The code below
        // may block, so it runs on the thread pool.
        await Task.WhenAny(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        thread?.Dispose();
        await stop.CancelAsync();
        socket.Abort();
        await Task.WhenAll(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    private static async Task SendAsync(WebSocket socket, TerminalAttachment attachment, CancellationToken stop)
    {
        try
        {
            var buffer = new byte[32 * 1024];
            while (await attachment.ReadAsync(buffer, stop) is var count && count > 0)
            {
                await socket.SendAsync(
                    buffer.AsMemory(0, count), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
            }

            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", stop);
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The client has detached.
        }
    }

    private static async Task ReceiveAsync(WebSocket socket, TerminalAttachment attachment, CancellationToken stop)
    {
        try
        {
            var buffer = new byte[8 * 1024];
            while (true)
            {
                // An abort of the socket ends the read. It needs no token.
                var result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                if (result.MessageType == WebSocketMessageType.Binary)
                {
                    await attachment.WriteAsync(buffer.AsMemory(0, result.Count), stop);
                }
                else if (TerminalSize.TryRead(buffer.AsSpan(0, result.Count), out var height, out var width))
                {
                    attachment.Resize(height, width);
                }
            }
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The client has detached.
        }
    }

    private static bool IsEnd(Exception exception) =>
        exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException;
}
