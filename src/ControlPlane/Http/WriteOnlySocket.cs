using System.Net.WebSockets;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Http;

/// <summary>
/// A WebSocket on which only the server sends data (tailnet.md §1.4). It reads the client's side, and stops the writer when the client
/// closes, when the connection is lost, or when the client sends a data message, which is a protocol violation.
/// </summary>
/// <remarks>
/// ASP.NET Core sends keep-alive pings, and aborts the connection when no pong comes for 30 s. The Coder server sends close code 1001
/// "liveness probe failed" then, which ASP.NET Core cannot do. The peer has stopped answering, so that it would not read that either.
/// </remarks>
internal sealed partial class WriteOnlySocket(
    WebSocket socket,
    ControlPlaneOptions options,
    TimeProvider time,
    ILogger logger,
    WebSocketMessageType messages = WebSocketMessageType.Text)
{
    private enum EndReason
    {
        Finished,
        Stopping,
        ClientClosed,
        UnexpectedMessage,
        Lost,
        SourceLost,
        Failed,
    }

    private bool IsClosed => socket.State is WebSocketState.Aborted or WebSocketState.Closed;

    /// <summary>
    /// Runs <paramref name="write"/> with a function that sends one message, and with a token that stops it. Closes the WebSocket with 1000
    /// when the writer returns, and with 1011 when it throws. The client gets the reason of a
    /// <see cref="SourceLostException"/>. Never throws.
    /// </summary>
    public async Task RunAsync(Func<Func<ReadOnlyMemory<byte>, Task>, CancellationToken, Task> write, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);

        // After the stop, the writer may finish its current message within the close timeout.
        using var deadline = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var startDeadline = stop.Token.Register(() => deadline.CancelAfter(options.WebSocketCloseTimeout));

        var receiving = ReceiveAsync(stop);
        EndReason end;
        var reason = "internal error";
        try
        {
            await write(
                message => socket.SendAsync(message, messages, WebSocketMessageFlags.EndOfMessage, deadline.Token).AsTask(), stop.Token);
            end = EndReason.Finished;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            end = deadline.IsCancellationRequested ? EndReason.Lost
                : stopping.IsCancellationRequested ? EndReason.Stopping
                : await receiving;
        }
        catch (Exception exception) when (exception is WebSocketException || IsClosed)
        {
            end = EndReason.Lost;
        }
        catch (SourceLostException exception)
        {
            (end, reason) = (EndReason.SourceLost, CloseReason.Truncate(exception.Message));
        }
        catch (Exception exception)
        {
            WriterFailed(logger, exception);
            end = EndReason.Failed;
        }

        await CloseAsync(end, reason, receiving, deadline);
    }

    private async Task<EndReason> ReceiveAsync(CancellationTokenSource stop)
    {
        try
        {
            var result = await socket.ReceiveAsync(new byte[1], CancellationToken.None);
            return result.MessageType == WebSocketMessageType.Close ? EndReason.ClientClosed : EndReason.UnexpectedMessage;
        }
        catch (Exception)
        {
            // After any failure the socket cannot be read again.
            return EndReason.Lost;
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    private async Task CloseAsync(EndReason end, string failure, Task<EndReason> receiving, CancellationTokenSource deadline)
    {
        var (status, reason) = end switch
        {
            EndReason.Stopping => (WebSocketCloseStatus.EndpointUnavailable, "server is shutting down"),
            EndReason.Failed or EndReason.SourceLost => (WebSocketCloseStatus.InternalServerError, failure),
            EndReason.UnexpectedMessage => (WebSocketCloseStatus.PolicyViolation, "unexpected data message"),
            _ => (WebSocketCloseStatus.NormalClosure, ""),
        };
        try
        {
            if (end != EndReason.Lost)
            {
                deadline.CancelAfter(options.WebSocketCloseTimeout);
                await socket.CloseOutputAsync(status, reason, deadline.Token);

                // The connection stays open until the client's close frame: a TCP reset could overtake the server's.
                await receiving.WaitAsync(deadline.Token);
                while (socket.State == WebSocketState.CloseSent)
                {
                    await socket.ReceiveAsync(new byte[1024], deadline.Token);
                }
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException || IsClosed)
        {
            end = EndReason.Lost;
        }

        if (end == EndReason.Lost)
        {
            socket.Abort();
        }

        await receiving;
    }
}
