using Tailnet.Wire;

namespace Tailnet.Yamux;

public sealed partial class YamuxSession
{
    /// <summary>The number of bytes after which the write loop flushes although more wait.</summary>
    private const int FlushAt = 64 * 1024;

    // The time when the pending flush began; 0 without one.
    private long _flushStarted;

    private async Task WriteLoopAsync()
    {
        try
        {
            while (true)
            {
                await _work.WaitAsync().ConfigureAwait(false);

                // Read before the last fill, so that this fill includes all bytes from before the end.
                var ending = CloseReason != YamuxCloseReason.None;
                while (Fill() is var (written, more) && (written > 0 || more))
                {
                    if (!await FlushAsync().ConfigureAwait(false))
                    {
                        End(YamuxCloseReason.TransportFailed);
                        return;
                    }

                    if (!more)
                    {
                        break;
                    }
                }

                if (ending)
                {
                    await SendGoAwayAsync().ConfigureAwait(false);
                    return;
                }
            }
        }
        catch (Exception exception) when (StreamFailure.Is(exception))
        {
            End(YamuxCloseReason.TransportFailed);
        }
        catch (Exception exception)
        {
            Fail(exception); // Logs the exception.
        }
    }

    /// <summary>Writes the queued answers and then one frame per queued stream in turn, until there is enough for one flush.</summary>
    private (int Written, bool More) Fill()
    {
        var written = 0;
        var now = _clock.GetTimestamp();
        while (written < FlushAt)
        {
            YamuxHeader header;
            YamuxStream? stream = null;
            lock (_lock)
            {
                // A session that ends still sends its data only if this side has closed it.
                if (_reason is not (YamuxCloseReason.None or YamuxCloseReason.LocalClose))
                {
                    return (written, false);
                }

                if (!_control.TryDequeue(out header) && !_ready.TryDequeue(out stream))
                {
                    return (written, false);
                }

                if (stream is not null)
                {
                    stream.IsQueued = false;
                }
            }

            if (stream is null)
            {
                header.Write(_transport.Output.GetSpan(YamuxHeader.Size));
                _transport.Output.Advance(YamuxHeader.Size);
                written += YamuxHeader.Size;
            }
            else if (stream.Write(_transport.Output, _options.MaxFrameLength, now, ref written))
            {
                MarkReady(stream);
            }
        }

        return (written, true);
    }

    private async ValueTask<bool> FlushAsync()
    {
        Volatile.Write(ref _flushStarted, Math.Max(1, _clock.GetTimestamp()));
        var result = await _transport.Output.FlushAsync().ConfigureAwait(false);
        Volatile.Write(ref _flushStarted, 0);
        return !result.IsCanceled && !result.IsCompleted;
    }

    private static uint? GoAwayCode(YamuxCloseReason reason) => reason switch
    {
        YamuxCloseReason.ProtocolError or YamuxCloseReason.WindowOverrun or YamuxCloseReason.ControlFlood => 1,
        YamuxCloseReason.ReceiveLimit or YamuxCloseReason.InternalError => 2,
        _ => null,
    };

    private async ValueTask SendGoAwayAsync()
    {
        if (GoAwayCode(CloseReason) is { } code)
        {
            new YamuxHeader(YamuxType.GoAway, YamuxFlags.None, 0, code).Write(_transport.Output.GetSpan(YamuxHeader.Size));
            _transport.Output.Advance(YamuxHeader.Size);
            await FlushAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Queues an answer to the peer. Returns false when too many answers are queued already.</summary>
    private bool TryQueueAnswer(YamuxHeader header)
    {
        lock (_lock)
        {
            if (_control.Count >= _options.MaxPendingControl)
            {
                return false;
            }

            _control.Enqueue(header);
        }

        _work.Set();
        return true;
    }
}
