using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using ControlPlane.Connections;

namespace Edge.LocalAgent.Terminals;

/// <summary>
/// An attachment over the agent's own socket: binary messages are typing and output, a text message <c>height width</c> is a size. The terminal's
/// end is close 1000, the agent's is 1001.
/// </summary>
internal static class AttachmentSocket
{
    /// <summary>The text message of a size.</summary>
    public static byte[] WriteSize(ushort height, ushort width) => Encoding.ASCII.GetBytes(FormattableString.Invariant($"{height} {width}"));

    /// <summary>
    /// Serves until either side ends it; never throws. What is typed goes to the terminal right on the thread where it arrives, and output from the
    /// terminal's thread to the socket; neither waits there.
    /// </summary>
    public static async Task RunAsync(WebSocket socket, TerminalAttachment attachment, IStreamThreadFeature? threads, CancellationToken stopping)
    {
        threads?.Begin();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var sending = SendAsync(socket, attachment, stop.Token);
        var receiving = ReceiveAsync(socket, attachment, stop.Token);

        // The other end is this program too: when it closes, or does anything unforeseen, there is nothing to wait for. What follows has the time that
        // those threads have not.
        await Task.WhenAny(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        threads?.End();
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
                await socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
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
                // An abort ends it, and so the sending.
                var result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                if (result.MessageType == WebSocketMessageType.Binary)
                {
                    await attachment.WriteAsync(buffer.AsMemory(0, result.Count), stop);
                }
                else if (Encoding.ASCII.GetString(buffer, 0, result.Count).Split(' ') is [var height, var width]
                    && ushort.TryParse(height, NumberStyles.None, CultureInfo.InvariantCulture, out var rows)
                    && ushort.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var columns))
                {
                    attachment.Resize(rows, columns);
                }
            }
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The client has detached.
        }
    }

    private static bool IsEnd(Exception exception) => exception is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException;
}
