using System.Buffers;
using Tailnet.Wire;

namespace Tailnet.Yamux;

public sealed partial class YamuxSession
{
    // The data frame whose body is being read. The body of a frame without a stream is discarded.
    private YamuxStream? _bodyStream;
    private uint _bodyLeft;
    private bool _finAfterBody;

    private async Task<YamuxCloseReason> ReadLoopAsync()
    {
        try
        {
            while (true)
            {
                var result = await _transport.Input.ReadAsync().ConfigureAwait(false);
                if (result.IsCanceled)
                {
                    return YamuxCloseReason.LocalClose;
                }

                var buffer = result.Buffer;
                while (true)
                {
                    if (_bodyLeft > 0)
                    {
                        if (buffer.IsEmpty)
                        {
                            break;
                        }

                        var piece = buffer.Slice(0, Math.Min(_bodyLeft, buffer.Length));
                        if (_bodyStream is not null)
                        {
                            await _bodyStream.Receive(piece).ConfigureAwait(false);
                        }

                        _bodyLeft -= (uint)piece.Length;
                        buffer = buffer.Slice(piece.End);
                        EndBody();
                        continue;
                    }

                    if (buffer.Length < YamuxHeader.Size)
                    {
                        break;
                    }

                    var reason = TakeHeader(ref buffer);
                    if (reason != YamuxCloseReason.None)
                    {
                        return reason;
                    }
                }

                _transport.Input.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                {
                    return _bodyLeft == 0 && buffer.IsEmpty ? YamuxCloseReason.PeerClose : YamuxCloseReason.TransportFailed;
                }
            }
        }
        catch (Exception exception) when (StreamFailure.Is(exception))
        {
            return YamuxCloseReason.TransportFailed;
        }
        catch (Exception exception)
        {
            SessionFailed(_logger, exception);
            return YamuxCloseReason.InternalError;
        }
    }

    private YamuxCloseReason TakeHeader(ref ReadOnlySequence<byte> buffer)
    {
        Span<byte> bytes = stackalloc byte[YamuxHeader.Size];
        buffer.Slice(0, YamuxHeader.Size).CopyTo(bytes);
        buffer = buffer.Slice(YamuxHeader.Size);
        if (!YamuxHeader.TryRead(bytes, out var header))
        {
            return YamuxCloseReason.ProtocolError;
        }

        return header.Type switch
        {
            YamuxType.Ping => OnPing(header),
            YamuxType.GoAway => OnGoAway(header),
            _ => OnStreamFrame(header),
        };
    }

    private YamuxCloseReason OnGoAway(YamuxHeader header)
    {
        switch (header.Length)
        {
            case 0:
                lock (_lock)
                {
                    _goAwayReceived = true;
                }

                return YamuxCloseReason.None;
            case 2:
                return YamuxCloseReason.PeerInternalError;
            default:
                return YamuxCloseReason.PeerProtocolError;
        }
    }

    private YamuxCloseReason OnStreamFrame(YamuxHeader header)
    {
        YamuxStream? stream;
        if ((header.Flags & YamuxFlags.Syn) != 0)
        {
            var reason = OnOpen(header.StreamId, out stream);
            if (reason != YamuxCloseReason.None)
            {
                return reason;
            }
        }
        else
        {
            lock (_lock)
            {
                _streams.TryGetValue(header.StreamId, out stream);
            }
        }

        if (stream is not null && (header.Flags & YamuxFlags.Ack) != 0 && stream.TryAcknowledge())
        {
            _openSlots.Release();
        }

        if (stream is not null && (header.Flags & YamuxFlags.Rst) != 0)
        {
            stream.Abort(YamuxCloseReason.None, tellPeer: false);
            stream = null;
        }

        var fin = (header.Flags & YamuxFlags.Fin) != 0;
        return header.Type == YamuxType.Data ? OnData(stream, header.Length, fin) : OnWindowUpdate(stream, header.Length, fin);
    }

    private YamuxCloseReason OnOpen(uint id, out YamuxStream? stream)
    {
        stream = null;
        if (id == 0 || (id % 2 == 1) == _isDialer)
        {
            return YamuxCloseReason.ProtocolError;
        }

        lock (_lock)
        {
            if (_streams.ContainsKey(id))
            {
                return YamuxCloseReason.ProtocolError;
            }

            if (!_goAwaySent && _streams.Count < _options.MaxStreams && _reason == YamuxCloseReason.None)
            {
                var opened = new YamuxStream(this, id, _options, opened: false, _clock.GetTimestamp());
                if (_backlog.Writer.TryWrite(opened))
                {
                    _streams.Add(id, opened);
                    stream = opened;
                    return YamuxCloseReason.None;
                }
            }
        }

        return TryQueueAnswer(new YamuxHeader(YamuxType.WindowUpdate, YamuxFlags.Rst, id, 0))
            ? YamuxCloseReason.None
            : YamuxCloseReason.ControlFlood;
    }

    private YamuxCloseReason OnData(YamuxStream? stream, uint length, bool fin)
    {
        if (stream is not null)
        {
            var reason = stream.BeginReceive(length);
            if (reason != YamuxCloseReason.None)
            {
                return reason;
            }
        }

        _bodyStream = stream;
        _bodyLeft = length;
        _finAfterBody = fin;
        EndBody();
        return YamuxCloseReason.None;
    }

    private static YamuxCloseReason OnWindowUpdate(YamuxStream? stream, uint delta, bool fin)
    {
        if (stream is not null && !stream.TryAddSendWindow(delta))
        {
            return YamuxCloseReason.ProtocolError;
        }

        if (fin)
        {
            stream?.ReceiveFin();
        }

        return YamuxCloseReason.None;
    }

    private void EndBody()
    {
        if (_bodyLeft > 0)
        {
            return;
        }

        if (_finAfterBody)
        {
            _bodyStream?.ReceiveFin();
        }

        _bodyStream = null;
        _finAfterBody = false;
    }
}
