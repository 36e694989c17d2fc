using System.Net.WebSockets;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

/// <summary>
/// A WebSocket on which only the server speaks (tailnet.md §1.4). It watches the client's side for a close, a loss, or a data message,
/// which is a protocol violation, and ends the writer for any of them.
/// </summary>
/// <remarks>
/// The framework's keep-alive pings, and aborts the connection when no pong comes; unlike the real server it can send no
/// close 1001 "liveness probe failed" then. The peer that would read it has not answered for 30 s.
/// </remarks>
internal sealed partial class WriteOnlySocket(
    WebSocket socket, ControlPlaneOptions options, TimeProvider time, ILogger logger, WebSocketMessageType messages = WebSocketMessageType.Text)
{
    private enum End
    {
        Finished,
        Stopping,
        ClientClosed,
        UnexpectedMessage,
        Lost,
        Failed,
    }

    private bool IsGone => socket.State is WebSocketState.Aborted or WebSocketState.Closed;

    /// <summary>
    /// Runs <paramref name="write"/>, which gets a function that sends one message and a token that tells it to stop, until it
    /// returns (close 1000) or must stop. Never throws: a writer that fails ends in close 1011.
    /// </summary>
    public async Task RunAsync(Func<Func<ReadOnlyMemory<byte>, Task>, CancellationToken, Task> write, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);

        // Once it is to stop, the writer may finish the message that it is sending, within a time.
        using var cut = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var cutLater = stop.Token.Register(() => cut.CancelAfter(options.WebSocketCloseTimeout));

        var receiving = ReceiveAsync(stop);
        End end;
        try
        {
            await write(message => socket.SendAsync(message, messages, WebSocketMessageFlags.EndOfMessage, cut.Token).AsTask(), stop.Token);
            end = End.Finished;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            end = cut.IsCancellationRequested ? End.Lost : stopping.IsCancellationRequested ? End.Stopping : await receiving;
        }
        catch (Exception exception) when (exception is WebSocketException || IsGone)
        {
            end = End.Lost;
        }
        catch (Exception exception)
        {
            WriterFailed(logger, exception);
            end = End.Failed;
        }

        await CloseAsync(end, receiving, cut);
    }

    private async Task<End> ReceiveAsync(CancellationTokenSource stop)
    {
        try
        {
            var result = await socket.ReceiveAsync(new byte[1], CancellationToken.None);
            return result.MessageType == WebSocketMessageType.Close ? End.ClientClosed : End.UnexpectedMessage;
        }
        catch (Exception)
        {
            // However reading fails, nothing can be read any more.
            return End.Lost;
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    private async Task CloseAsync(End end, Task<End> receiving, CancellationTokenSource cut)
    {
        var (status, reason) = end switch
        {
            End.Stopping => (WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"),
            End.Failed => (WebSocketCloseStatus.InternalServerError, "internal error"),
            End.UnexpectedMessage => (WebSocketCloseStatus.PolicyViolation, "unexpected data message"),
            _ => (WebSocketCloseStatus.NormalClosure, ""),
        };
        try
        {
            if (end != End.Lost)
            {
                cut.CancelAfter(options.WebSocketCloseTimeout);
                await socket.CloseOutputAsync(status, reason, cut.Token);

                // Then the client's own close; until it comes the connection stays, or a reset could overtake ours.
                await receiving.WaitAsync(cut.Token);
                while (socket.State == WebSocketState.CloseSent)
                {
                    await socket.ReceiveAsync(new byte[1024], cut.Token);
                }
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException || IsGone)
        {
            end = End.Lost;
        }

        if (end == End.Lost)
        {
            socket.Abort();
        }

        await receiving;
    }
}
