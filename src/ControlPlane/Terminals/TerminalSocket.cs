using System.Net.WebSockets;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Terminals;

/// <summary>
/// One client's WebSocket and its attachment to a terminal. One loop forwards the client's JSON input as typed text and sizes, and another
/// one forwards the terminal's output as binary messages. Each loop has one buffer, and back-pressure from its slower side slows only this
/// attachment. The loops run inline on the threads where bytes arrive, and never block them.
/// </summary>
internal sealed partial class TerminalSocket(WebSocket socket, ControlPlaneOptions options, TimeProvider time, ILogger logger)
{
    private const int InputBufferBytes = 8 * 1024;

    // Clients accept messages up to this size by default (tailnet.md §1.4).
    private const int OutputBufferBytes = 32 * 1024;

    private readonly TaskCompletionSource<TerminalEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs until either side ends the attachment. Never throws.</summary>
    /// <param name="opened">The terminal, from which this detaches at the end, or the reason why there is none.</param>
    /// <param name="threads">The thread feature of the client's connection. Null where the server has none.</param>
    /// <param name="stopping">Cancelled when the server stops.</param>
    public async Task RunAsync(OpenedTerminal opened, IStreamThreadFeature? threads, CancellationToken stopping)
    {
        threads?.Begin();
        using var stop = new CancellationTokenSource();
        await using var stopped = stopping.Register(() => _end.TrySetResult(TerminalEnd.Stopping));

        // After the end, the close timeout bounds the last message and the close handshake.
        using var deadline = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        await using var abort = deadline.Token.Register(socket.Abort);

        if (opened.Failure is { } failure)
        {
            _end.TrySetResult(failure);
        }

        var receiving = ReceiveAsync(opened.Terminal, stop.Token);
        var sending = SendAsync(opened.Terminal, stop.Token);
        var end = await _end.Task;
        threads?.End();
        deadline.CancelAfter(options.WebSocketCloseTimeout);
        await stop.CancelAsync();

        // The output loop may end on a thread that serves other connections, which this continuation must not keep.
        await sending.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (end != TerminalEnd.Lost)
        {
            await socket.CloseOrAbortAsync(end.Status, end.Reason);
        }

        await receiving.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    /// <summary>Forwards the terminal's output until the terminal or the WebSocket ends.</summary>
    private async Task SendAsync(ITerminal? terminal, CancellationToken stop)
    {
        if (terminal is null)
        {
            return;
        }

        try
        {
            await using (terminal)
            {
                var buffer = new byte[OutputBufferBytes];
                while (await terminal.ReadAsync(buffer, stop) is var count && count > 0)
                {
                    await socket.SendAsync(
                        buffer.AsMemory(0, count),
                        WebSocketMessageType.Binary,
                        WebSocketMessageFlags.EndOfMessage,
                        CancellationToken.None);
                }

                _end.TrySetResult(TerminalEnd.ProcessEnded);
            }
        }
        catch (AgentConnectionException exception)
        {
            _end.TrySetResult(TerminalEnd.Agent(exception.Message));
        }
        catch (Exception exception)
        {
            Fail(exception, stop); // Fail logs only errors of the server.
        }
    }

    /// <summary>
    /// Forwards the client's input. After the end it discards input until the client closes or the connection is aborted.
    /// </summary>
    private async Task ReceiveAsync(ITerminal? terminal, CancellationToken stop)
    {
        try
        {
            var input = new TerminalInput(options.MaxTerminalInputBytes);
            var buffer = new byte[InputBufferBytes];
            while (true)
            {
                var result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    _end.TrySetResult(TerminalEnd.ClientClosed);
                    return;
                }

                if (result.MessageType == WebSocketMessageType.Text)
                {
                    _end.TrySetResult(TerminalEnd.TextMessage);
                }

                if (!_end.Task.IsCompleted && terminal is not null)
                {
                    await ForwardInputAsync(input, buffer.AsMemory(0, result.Count), terminal, stop);
                }
            }
        }
        catch (AgentConnectionException exception)
        {
            _end.TrySetResult(TerminalEnd.Agent(exception.Message));
        }
        catch (Exception exception)
        {
            Fail(exception, stop); // Fail logs only errors of the server.
        }

        await socket.DiscardAsync();
    }

    private async Task ForwardInputAsync(TerminalInput input, ReadOnlyMemory<byte> bytes, ITerminal terminal, CancellationToken stop)
    {
        while (true)
        {
            var rest = bytes.Span;
            var status = input.Read(ref rest, out var value);
            bytes = bytes[^rest.Length..];
            switch (status)
            {
                case TerminalInputStatus.More:
                    return;
                case TerminalInputStatus.Invalid:
                    _end.TrySetResult(TerminalEnd.InvalidInput);
                    return;
                case TerminalInputStatus.TooLong:
                    _end.TrySetResult(TerminalEnd.InputTooLong);
                    return;
            }

            if (!value.Data.IsEmpty)
            {
                await terminal.WriteAsync(value.Data, stop);
            }

            if (value.HasSize)
            {
                await terminal.ResizeAsync(value.Height, value.Width, stop);
            }
        }
    }

    private void Fail(Exception exception, CancellationToken stop)
    {
        if (socket.IsLostBy(exception, stop))
        {
            _end.TrySetResult(TerminalEnd.Lost);
        }
        else if (_end.TrySetResult(TerminalEnd.Failed))
        {
            ServingFailed(logger, exception);
        }
    }
}
