using System.Net.WebSockets;
using ControlPlane.Http;
using Microsoft.Extensions.Logging;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Dialing;

/// <summary>
/// One client's WebSocket and its TCP connection to an agent. One loop forwards the client's bytes, and another one the agent's. Each loop
/// has one buffer and waits for its slower side, so the bytes in memory are bounded. In both directions an empty binary message is the end
/// of the bytes (FIN). When both directions have ended, the server closes with 1000.
/// </summary>
internal sealed partial class TcpSocket(
    WebSocket socket, AgentStream agent, ControlPlaneOptions options, TimeProvider time, ILogger logger)
{
    // Common WebSocket libraries accept messages up to this size by default.
    private const int BufferBytes = 32 * 1024;

    private readonly TaskCompletionSource<TcpEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _endedDirections;

    // Why the client's bytes no longer reach the agent. The agent's last bytes still reach the client before its close.
    private volatile TcpEnd? _writeFailure;

    /// <summary>
    /// Runs until both directions, or one side as a whole, have ended. Disposes the connection to the agent. Never throws.
    /// </summary>
    /// <param name="aborted">Cancelled when the client's connection is lost.</param>
    /// <param name="stopping">Cancelled when the server stops.</param>
    public async Task RunAsync(CancellationToken aborted, CancellationToken stopping)
    {
        using var stop = new CancellationTokenSource();

        // After the end, the close timeout bounds the last message and the close handshake. Only a client that has not read the last bytes
        // yet may take longer: after the timeout these would be lost.
        using var deadline = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        await using var abort = deadline.Token.Register(socket.Abort);
        await using var lost = aborted.Register(() => _end.TrySetResult(TcpEnd.Lost));
        await using var stopped = stopping.Register(() =>
        {
            _end.TrySetResult(TcpEnd.Stopping);
            deadline.CancelAfter(options.WebSocketCloseTimeout);
        });

        var sending = SendAsync(stop.Token);
        var receiving = ReceiveAsync(stop.Token);
        var end = await _end.Task;
        if (end != TcpEnd.Completed)
        {
            deadline.CancelAfter(options.WebSocketCloseTimeout);
        }

        await stop.CancelAsync();
        await CloseAgentAsync(end);
        await sending;
        await CloseClientAsync(end);
        await receiving;
    }

    /// <summary>Forwards the agent's bytes. The message of its end is empty.</summary>
    private async Task SendAsync(CancellationToken stop)
    {
        try
        {
            var buffer = new byte[BufferBytes];
            int count;
            do
            {
                count = await agent.ReadAsync(buffer, stop);
                await socket.SendAsync(
                    buffer.AsMemory(0, count), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
            }
            while (count > 0);

            EndDirection();
        }
        catch (TcpException exception)
        {
            _end.TrySetResult(TcpEnd.Of(exception.Reason));
        }
        catch (Exception exception)
        {
            Fail(exception, stop); // Fail logs only errors of the server.
        }
    }

    /// <summary>Forwards the client's bytes. After the end it discards them until the client closes or the connection is aborted.</summary>
    private async Task ReceiveAsync(CancellationToken stop)
    {
        try
        {
            if (await ForwardAsync(stop) is { } end)
            {
                _end.TrySetResult(end);
            }
        }
        catch (TcpException exception)
        {
            _writeFailure = TcpEnd.Of(exception.Reason);
            EndDirection();
        }
        catch (Exception exception)
        {
            Fail(exception, stop); // Fail logs only errors of the server.
        }

        await socket.DiscardAsync();
        _end.TrySetResult(TcpEnd.Lost);
    }

    /// <summary>Returns the reason of the end; null when the access was withdrawn, whose close frame was sent already.</summary>
    private async Task<TcpEnd?> ForwardAsync(CancellationToken stop)
    {
        var buffer = new byte[BufferBytes];
        var (isEmpty, hasEnded) = (true, false);
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return socket.CloseStatus == WebSocketCloseStatus.NormalClosure ? TcpEnd.ClientClosed : TcpEnd.ClientFailed;
            }

            if (result.MessageType == WebSocketMessageType.Text)
            {
                return TcpEnd.TextMessage;
            }

            if (hasEnded && result.Count > 0)
            {
                return TcpEnd.BytesAfterEnd;
            }

            if (socket.State != WebSocketState.Open)
            {
                return null;
            }

            if (result.Count > 0)
            {
                await agent.WriteAsync(buffer.AsMemory(0, result.Count), stop);
            }

            // An empty frame may also be a part of a longer message.
            isEmpty &= result.Count == 0;
            if (result.EndOfMessage && isEmpty && !hasEnded)
            {
                hasEnded = true;
                agent.CompleteWrites();
                EndDirection();
            }

            isEmpty |= result.EndOfMessage;
        }
    }

    private void EndDirection()
    {
        if (Interlocked.Increment(ref _endedDirections) == 2)
        {
            _end.TrySetResult(_writeFailure ?? TcpEnd.Completed);
        }
    }

    private async Task CloseAgentAsync(TcpEnd end)
    {
        if (!end.IsOrderly)
        {
            agent.Abort();
        }

        await agent.DisposeAsync();
    }

    private async Task CloseClientAsync(TcpEnd end)
    {
        if (end == TcpEnd.Lost)
        {
            socket.Abort();
            return;
        }

        await socket.CloseOrAbortAsync(end.Status, end.Reason);
    }

    private void Fail(Exception exception, CancellationToken stop)
    {
        if (socket.IsLostBy(exception, stop))
        {
            _end.TrySetResult(TcpEnd.Lost);
        }
        else if (_end.TrySetResult(TcpEnd.Failed))
        {
            ServingFailed(logger, exception);
        }
    }
}
