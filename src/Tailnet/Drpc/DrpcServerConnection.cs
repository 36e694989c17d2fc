using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.Logging;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Drpc;

/// <summary>One stream of a server: reads packets, and runs one rpc at a time concurrently with the reads.</summary>
internal sealed partial class DrpcServerConnection(
    IDuplexPipe stream, DrpcRouter router, DrpcOptions options, ILogger logger, Func<Exception, bool> isKnown)
{
    private const int LongestPathInAnswers = 256;

    private readonly DrpcWriter _writer = new(stream.Output);
    private readonly DrpcAssembler _assembler = new(options.MaxPacket);
    private IReadOnlyDictionary<string, string> _metadata = EmptyMetadata;
    private DrpcCall? _call;
    private ulong _callStream;
    private ulong _metadataStream;
    private Task _running = Task.CompletedTask;
    private CancellationTokenSource? _callEnd;

    private static IReadOnlyDictionary<string, string> EmptyMetadata { get; } = new Dictionary<string, string>();

    public async Task<DrpcEnd> RunAsync(CancellationToken cancellationToken)
    {
        var end = DrpcEnd.StreamFailed;
        try
        {
            end = await ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            end = DrpcEnd.Cancelled;
        }
        catch (Exception exception) when (StreamFailure.Is(exception))
        {
            // The stream was reset, its session ended, or its transport failed. Only this stream ends.
            end = DrpcEnd.StreamFailed;
        }
        catch (Exception exception)
        {
            StreamFailed(logger, exception);
        }
        finally
        {
            await StopCallAsync().ConfigureAwait(false);
            _assembler.Release();
            await stream.Input.CompleteAsync().ConfigureAwait(false);
            var failed = end is not (DrpcEnd.Finished or DrpcEnd.Cancelled);
            await stream.Output.CompleteAsync(failed ? new IOException($"The connection ended: {end}.") : null).ConfigureAwait(false);
        }

        return end;
    }

    private async Task<DrpcEnd> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await stream.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            while (true)
            {
                var status = _assembler.TryRead(ref buffer, out var packet);
                if (status == DrpcReadStatus.NeedMore)
                {
                    break;
                }

                var end = status == DrpcReadStatus.Done
                    ? await OnPacketAsync(packet, cancellationToken).ConfigureAwait(false)
                    : DrpcEnds.Of(status);
                if (end is { } reason)
                {
                    stream.Input.AdvanceTo(buffer.Start);
                    return reason;
                }
            }

            var left = buffer.Length;
            stream.Input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                return left == 0 && !_assembler.IsPartial ? DrpcEnd.Finished : DrpcEnd.StreamFailed;
            }

            if (result.IsCanceled)
            {
                return DrpcEnd.Cancelled;
            }
        }
    }

    /// <summary>Handles a packet. Returns null to continue. Packets of an rpc that has ended are dropped.</summary>
    private async ValueTask<DrpcEnd?> OnPacketAsync(DrpcPacket packet, CancellationToken cancellationToken)
    {
        switch (packet.Kind)
        {
            case DrpcKind.InvokeMetadata:
                _metadata = packet.Data.Length <= options.MaxMetadata
                    ? DrpcMetadata.TryDecode(packet.Data.Span) ?? EmptyMetadata
                    : EmptyMetadata;
                _metadataStream = packet.Stream;
                return null;
            case DrpcKind.Invoke when packet.Stream == _callStream:
                return DrpcEnd.Unexpected;
            case DrpcKind.Invoke:
                await StopCallAsync().ConfigureAwait(false);
                await StartCallAsync(packet, cancellationToken).ConfigureAwait(false);
                return null;
            case DrpcKind.Message or DrpcKind.CloseSend or DrpcKind.Close or DrpcKind.Error or DrpcKind.Cancel:
                if (packet.Stream == _callStream && _call is { } call && !_running.IsCompleted)
                {
                    await OnCallPacketAsync(call, packet).ConfigureAwait(false);
                }

                return null;
            default:
                return packet.Control ? null : DrpcEnd.UnknownKind;
        }
    }

    private async ValueTask OnCallPacketAsync(DrpcCall call, DrpcPacket packet)
    {
        switch (packet.Kind)
        {
            case DrpcKind.Message:
                try
                {
                    await call.DeliverAsync(packet.Data.ToArray(), _callEnd!.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    // The handler has returned meanwhile; its unread requests are dropped.
                    call.EndOfRequests();
                }

                break;
            case DrpcKind.CloseSend:
                call.EndOfRequests();
                break;
            default:
                await StopCallAsync().ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask StartCallAsync(DrpcPacket packet, CancellationToken cancellationToken)
    {
        var path = Encoding.UTF8.GetString(packet.Data.Span);
        var metadata = _metadataStream == packet.Stream ? _metadata : EmptyMetadata;
        _metadata = EmptyMetadata;
        _callStream = packet.Stream;
        _writer.BeginStream(packet.Stream);
        if (router.Find(path) is not { } handler)
        {
            await _writer.WriteErrorAsync(0, UnknownRpc(path), cancellationToken).ConfigureAwait(false);
            return;
        }

        _call = new DrpcCall(_writer, path, metadata);
        _callEnd = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _running = RunCallAsync(handler, _call, _callEnd);
    }

    private async Task RunCallAsync(DrpcHandler handler, DrpcCall call, CancellationTokenSource end)
    {
        // Yields, so that the read loop continues: a handler may run for long before its first await.
        await Task.Yield();
        try
        {
            (ulong Code, string Text)? failure = null;
            try
            {
                await handler(call, end.Token).ConfigureAwait(false);
            }
            catch (DrpcException failed)
            {
                failure = (failed.Code, failed.Message);
            }
            catch (Exception exception) when (exception is not YamuxException
                && !(end.IsCancellationRequested && StreamFailure.Is(exception)))
            {
                if (!isKnown(exception))
                {
                    RpcFailed(logger, call.Path, exception);
                }

                // The caller gets no details of an unexpected exception.
                failure = (0, "internal error");
            }

            if (failure is { } error)
            {
                await _writer.WriteErrorAsync(error.Code, error.Text, end.Token).ConfigureAwait(false);
            }
            else
            {
                await _writer.WriteEndAsync(DrpcKind.CloseSend, end.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            // The caller has disconnected and gets no answer; the read loop notices the same end.
            if (!StreamFailure.Is(exception))
            {
                RpcFailed(logger, call.Path, exception);
            }

            call.EndOfRequests();
        }
        finally
        {
            // Releases a read loop that waits for this handler to receive a message.
            await end.CancelAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask StopCallAsync()
    {
        if (_callEnd is null)
        {
            return;
        }

        await _callEnd.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _callEnd.Dispose();
        _callEnd = null;
        _call = null;
    }

    /// <summary>Returns the error text by which clients recognise an older server.</summary>
    private static string UnknownRpc(string path)
    {
        var shown = path.Length <= LongestPathInAnswers ? path : path[..LongestPathInAnswers];
        var quoted = new StringBuilder();
        foreach (var letter in shown)
        {
            quoted.Append(char.IsControl(letter) || letter is '"' or '\\' or '\uFFFD' ? '?' : letter);
        }

        return $"protocol error: unknown rpc: \"{quoted}\"";
    }

    // The path is safe to log: the router knows it, so it is a name of this program.
    [LoggerMessage(EventId = 3001, Level = LogLevel.Error, Message = "The rpc {Rpc} has failed")]
    private static partial void RpcFailed(ILogger logger, string rpc, Exception exception);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Error, Message = "Unhandled exception in a dRPC stream; the stream is closed")]
    private static partial void StreamFailed(ILogger logger, Exception exception);
}
