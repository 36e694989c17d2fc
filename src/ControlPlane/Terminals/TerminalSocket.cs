using System.Net.WebSockets;
using ControlPlane.Connections;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Terminals;

/// <summary>
/// One client's WebSocket and its attachment to a terminal. Two loops: the client's JSON input becomes typing and sizes, the terminal's
/// output becomes binary messages. Neither holds more than its buffer: who is slow is waited for, and nobody else. Both run where their bytes
/// arrive, and never block there.
/// </summary>
internal sealed partial class TerminalSocket(WebSocket socket, ControlPlaneOptions options, TimeProvider time, ILogger logger)
{
    private const int InputBufferBytes = 8 * 1024;

    // What clients read at most without being told to take more (tailnet.md §1.4).
    private const int OutputBufferBytes = 32 * 1024;

    private readonly TaskCompletionSource<TerminalEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Serves until either side ends it; never throws.</summary>
    /// <param name="opened">The terminal, which is detached from at the end; or why there is none.</param>
    /// <param name="threads">Of the socket's connection; null where it has none.</param>
    /// <param name="stopping">The server's end.</param>
    public async Task RunAsync(OpenedTerminal opened, IStreamThreadFeature? threads, CancellationToken stopping)
    {
        threads?.Begin();
        using var stop = new CancellationTokenSource();
        await using var stopped = stopping.Register(() => _end.TrySetResult(TerminalEnd.Stopping));

        // Once it has ended, the last message and the close have a time.
        using var cut = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        await using var abort = cut.Token.Register(socket.Abort);

        if (opened.Failure is { } failure)
        {
            _end.TrySetResult(failure);
        }

        var receiving = ReceiveAsync(opened.Terminal, stop.Token);
        var sending = SendAsync(opened.Terminal, stop.Token);
        var end = await _end.Task;
        threads?.End();
        cut.CancelAfter(options.WebSocketCloseTimeout);
        await stop.CancelAsync();

        // Where output arrives, others wait.
        await sending.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (end != TerminalEnd.Lost && socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(end.Status, end.Reason, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // However it fails, the client is no longer there to be told.
            socket.Abort();
        }

        await receiving.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    /// <summary>Sends the terminal's output until one of them ends.</summary>
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
                    await socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
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
            Fail(exception, stop); // It logs what is a fault.
        }
    }

    /// <summary>Takes the client's input, and after the end whatever still comes, until its close or the cut.</summary>
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
                    await TakeAsync(input, buffer.AsMemory(0, result.Count), terminal, stop);
                }
            }
        }
        catch (AgentConnectionException exception)
        {
            _end.TrySetResult(TerminalEnd.Agent(exception.Message));
        }
        catch (Exception exception)
        {
            Fail(exception, stop); // It logs what is a fault.
        }

        await DiscardAsync();
    }

    private async Task TakeAsync(TerminalInput input, ReadOnlyMemory<byte> bytes, ITerminal terminal, CancellationToken stop)
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

    private async Task DiscardAsync()
    {
        try
        {
            var buffer = new byte[1024];
            while (socket.State is WebSocketState.Open or WebSocketState.CloseSent)
            {
                await socket.ReceiveAsync(buffer, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // However reading fails, nothing can be read any more.
            socket.Abort();
        }
    }

    private void Fail(Exception exception, CancellationToken stop)
    {
        // A client that has gone, or the end that was told, is no fault.
        if (exception is WebSocketException || socket.State is WebSocketState.Aborted or WebSocketState.Closed || stop.IsCancellationRequested)
        {
            _end.TrySetResult(TerminalEnd.Lost);
        }
        else if (_end.TrySetResult(TerminalEnd.Failed))
        {
            ServingFailed(logger, exception);
        }
    }
}
