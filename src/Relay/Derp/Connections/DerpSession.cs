using System.Buffers;
using Crypto;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>The course of a connection from the ServerKey frame (derp.md §1.8) to its end.</summary>
internal sealed class DerpSession(DerpServer server, DerpTransport transport)
{
    [ThreadStatic]
    private static byte[]? _frame;

    private readonly System.IO.Pipelines.PipeReader _input = transport.Input;
    private DerpConnection? _connection;
    private DerpReceiver? _receiver;
    private volatile DerpConnection? _admitted;
    private volatile bool _timedOut;
    private long _handshakeDeadline;
    private bool _isNotIdealCounted;

    /// <summary>The connection of a client that is admitted and relayed; null before.</summary>
    public DerpConnection? Admitted => _admitted;

    /// <summary>The timestamp at which the heartbeat ends a handshake.</summary>
    public long HandshakeDeadline
    {
        get => Volatile.Read(ref _handshakeDeadline);
        set => Volatile.Write(ref _handshakeDeadline, value);
    }

    /// <summary>Ends the handshake because its time is over. The heartbeat calls this.</summary>
    public void HandshakeTimedOut()
    {
        _timedOut = true;
        _input.CancelPendingRead();
    }

    /// <summary>Ends a connection that a limit refuses.</summary>
    public async Task RefuseAsync()
    {
        transport.Output.Complete();
        await _input.CompleteAsync().ConfigureAwait(false);
    }

    public async Task<DerpCloseReason> RunAsync(DerpHeartbeat heartbeat, CancellationToken cancellationToken)
    {
        var reason = DerpCloseReason.Aborted;
        try
        {
            heartbeat.Add(this);

            // The end of a connection sends PeerGone frames to other clients, which may take long: it does not run on a socket thread.
            reason = await HandshakeAsync(heartbeat, cancellationToken).ConfigureAwait(false)
                ?? await RelayAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException
            or ObjectDisposedException)
        {
            // The transport broke, or the host ended it. A close reason that was set before takes precedence.
            reason = _connection?.Closing ?? DerpCloseReason.Aborted;
        }
        finally
        {
            heartbeat.Remove(this);
            End();
            await _input.CompleteAsync().ConfigureAwait(false);
        }

        if (reason != DerpCloseReason.WriteTimeout)
        {
            await WaitForCloseFrameAsync().ConfigureAwait(false);
        }

        return reason;
    }

    // A WebSocket's close frame is sent after the bytes that the client has not read yet.
    private async ValueTask WaitForCloseFrameAsync()
    {
        if (transport.WebSocket?.Ended is { IsCompleted: false } ended)
        {
            await ended.WaitAsync(server.Options.WriteTimeout, server.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<DerpCloseReason?> HandshakeAsync(DerpHeartbeat heartbeat, CancellationToken cancellationToken)
    {
        transport.Output.TrySend(transport.Preface.IsEmpty ? server.ServerKeyFrame : [.. transport.Preface.Span, .. server.ServerKeyFrame]);
        transport.Output.Flush();
        heartbeat.RestartHandshakeTime(this);
        while (true)
        {
            var result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (_timedOut)
            {
                return DerpCloseReason.HandshakeTimeout;
            }

            var buffer = result.Buffer;
            var opened = Open(ref buffer, out var box, out var left);
            _input.AdvanceTo(buffer.Start, left.IsEmpty ? buffer.End : buffer.Start);
            if (opened is { } reason)
            {
                return reason;
            }

            if (_connection is not null)
            {
                return await AdmitAsync(heartbeat, box!, cancellationToken).ConfigureAwait(false);
            }

            if (result.IsCompleted)
            {
                return DerpCloseReason.ClientClosed;
            }
        }
    }

    // Looks for the ClientInfo frame. Sets the connection if the frame is complete and its box opens.
    private DerpCloseReason? Open(ref ReadOnlySequence<byte> buffer, out NaClBox? box, out ReadOnlySequence<byte> left)
    {
        box = null;
        left = default;
        if (transport.WebSocket is { } socket)
        {
            var opened = OpenWebSocket(socket, ref buffer, out box);
            left = _connection is null ? default : buffer;
            return opened;
        }

        var rest = buffer;
        var found = ReadClientInfo(ref rest, out box);
        if (_connection is not null)
        {
            // The bytes after the ClientInfo stay unexamined, so that the next read returns them at once.
            (buffer, left) = (rest, rest);
        }

        return found;
    }

    private DerpCloseReason? OpenWebSocket(WebSockets.WebSocketInput socket, ref ReadOnlySequence<byte> buffer, out NaClBox? box)
    {
        box = null;
        while (true)
        {
            var before = buffer.Length;
            var good = socket.TryRead(ref buffer);
            var bytes = new ReadOnlySequence<byte>(socket.Bytes.ToArray());
            var length = bytes.Length;
            var found = ReadClientInfo(ref bytes, out box);
            socket.Consume((int)(length - bytes.Length));
            if (found is not null || _connection is not null)
            {
                return found;
            }

            if (!good)
            {
                return socket.IsClosed ? DerpCloseReason.ClientClosed : DerpCloseReason.BadHandshake;
            }

            if (buffer.IsEmpty || buffer.Length == before)
            {
                // No more bytes have arrived, or a ClientInfo is longer than the buffer.
                return socket.IsFull ? DerpCloseReason.BadHandshake : null;
            }
        }
    }

    private DerpCloseReason? ReadClientInfo(ref ReadOnlySequence<byte> buffer, out NaClBox? box)
    {
        box = null;
        if (DerpFrameReader.TryReadHeader(buffer, out var head)
            && (head.Type != DerpFrameType.ClientInfo || head.Length is < DerpProtocol.MinClientInfo or > DerpProtocol.MaxClientInfo))
        {
            return DerpCloseReason.BadHandshake;
        }

        if (DerpFrameReader.TryRead(ref buffer, DerpProtocol.MaxClientInfo, out _, out var payload) != DerpFrameStatus.Frame)
        {
            return null;
        }

        var bytes = payload.IsSingleSegment ? payload.FirstSpan : payload.ToArray();
        var info = DerpHandshake.OpenClientInfo(server.Key, bytes, out var key, out box);
        var meshKey = server.MeshKey;
        if (info is null || (info.MeshKey is not null && meshKey is not { IsHex: false } && !MeshKey.IsWellFormed(info.MeshKey)))
        {
            return DerpCloseReason.BadHandshake;
        }

        _connection = server.NewConnection(key, info, meshKey?.Matches(info.MeshKey) ?? false, transport);
        return null;
    }

    private async ValueTask<DerpCloseReason?> AdmitAsync(DerpHeartbeat heartbeat, NaClBox box, CancellationToken cancellationToken)
    {
        var connection = _connection!;
        if (!connection.IsMeshPeer && !transport.IsInProcess && server.Admission is { } admission)
        {
            var asked = admission(new DerpAdmissionRequest(connection.Key, connection.RemoteEndPoint?.Address), cancellationToken);
            if (!(asked.IsCompletedSuccessfully ? asked.Result : await AdmitInTimeAsync(asked, cancellationToken).ConfigureAwait(false)))
            {
                return _timedOut ? DerpCloseReason.HandshakeTimeout : DerpCloseReason.NotAdmitted;
            }
        }

        heartbeat.EndHandshake(this, connection.Activity);

        // Before the connection is registered and gets packets, so that ServerInfo is always the second frame.
        connection.SendFirst(DerpHandshake.ServerInfo(box));
        if (!server.Registry.TryAdd(connection, server.Options.MaxConnectionsPerKey))
        {
            return DerpCloseReason.TooManyConnections;
        }

        _admitted = connection;
        if (server.IsDrained)
        {
            connection.BeginClose(DerpCloseReason.Drained);
        }

        if (connection.Flags.HasFlag(PeerFlags.NotIdeal))
        {
            _isNotIdealCounted = true;
            server.Totals.Count(DerpCount.CurrentNotIdeal);
        }

        _receiver = new DerpReceiver(connection, server);
        connection.Drain();
        transport.Established?.Invoke();
        return null;
    }

    private async Task<bool> AdmitInTimeAsync(ValueTask<bool> asked, CancellationToken cancellationToken)
    {
        try
        {
            return await asked.AsTask().WaitAsync(server.Options.HandshakeTimeout, server.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _timedOut = true;
            return false;
        }
    }

    private async Task<DerpCloseReason> RelayAsync(CancellationToken cancellationToken)
    {
        var connection = _connection!;
        var receiver = _receiver!;

        // A WebSocket's buffer may already hold frames: those after the ClientInfo, and those left by a rate limit.
        var holdsFrames = transport.WebSocket is not null;
        while (true)
        {
            if (holdsFrames)
            {
                if (connection.Closing is { } ended)
                {
                    return ended;
                }

                var none = ReadOnlySequence<byte>.Empty;
                switch (Receive(transport.WebSocket!, ref none))
                {
                    case ReceiveStatus.Close:
                        return connection.Closing ?? receiver.Reason;
                    case ReceiveStatus.Wait:
                        await connection.DelayAsync(receiver.Delay, server.Time, cancellationToken).ConfigureAwait(false);
                        continue;
                }

                holdsFrames = false;
            }

            var result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (connection.Closing is { } closing)
            {
                return closing;
            }

            var buffer = result.Buffer;
            if (!buffer.IsEmpty)
            {
                connection.Activity.CountRead();
            }

            var status = transport.WebSocket is { } socket ? Receive(socket, ref buffer) : Receive(ref buffer);
            _input.AdvanceTo(buffer.Start, status == ReceiveStatus.Wait ? buffer.Start : buffer.End);
            switch (status)
            {
                case ReceiveStatus.Close:
                    return connection.Closing
                        ?? (transport.WebSocket is { IsClosed: true } ? DerpCloseReason.ClientClosed : receiver.Reason);
                case ReceiveStatus.Wait:
                    await connection.DelayAsync(receiver.Delay, server.Time, cancellationToken).ConfigureAwait(false);
                    holdsFrames = transport.WebSocket is not null;
                    break;
                default:
                    if (result.IsCompleted)
                    {
                        return DerpCloseReason.ClientClosed;
                    }

                    break;
            }
        }
    }

    private ReceiveStatus Receive(ref ReadOnlySequence<byte> buffer)
    {
        var batch = default(ReceiverBatch);
        try
        {
            while (!buffer.IsEmpty)
            {
                var first = buffer.FirstSpan;
                var status = _receiver!.Receive(first, ref batch, out var consumed);
                buffer = buffer.Slice(consumed);
                if (status != ReceiveStatus.Done)
                {
                    return status;
                }

                if (consumed == first.Length)
                {
                    continue;
                }

                status = ReceiveSplit(ref buffer, ref batch, out var used);
                if (status != ReceiveStatus.Done || !used)
                {
                    return status;
                }
            }

            return ReceiveStatus.Done;
        }
        finally
        {
            batch.Flush();
        }
    }

    // Joins a frame that begins in one segment and ends in another.
    private ReceiveStatus ReceiveSplit(ref ReadOnlySequence<byte> buffer, ref ReceiverBatch batch, out bool used)
    {
        used = false;
        if (buffer.IsSingleSegment || !DerpFrameReader.TryReadHeader(buffer, out var header))
        {
            return ReceiveStatus.Done;
        }

        var frame = _frame ??= new byte[DerpProtocol.HeaderLength + DerpProtocol.MaxRelayedPayload];
        var length = (int)Math.Min(DerpProtocol.HeaderLength + (long)header.Length, frame.Length);
        var available = buffer.Length < length ? DerpProtocol.HeaderLength : length;
        buffer.Slice(0, available).CopyTo(frame);
        var status = _receiver!.Receive(frame.AsSpan(0, available), ref batch, out var consumed);
        buffer = buffer.Slice(consumed);
        used = consumed > 0;
        return status;
    }

    private ReceiveStatus Receive(WebSockets.WebSocketInput socket, ref ReadOnlySequence<byte> buffer)
    {
        var batch = default(ReceiverBatch);
        try
        {
            while (true)
            {
                var good = socket.TryRead(ref buffer);
                var status = _receiver!.Receive(socket.Bytes, ref batch, out var consumed);
                socket.Consume(consumed);
                if (!good)
                {
                    return ReceiveStatus.Close;
                }

                if (status != ReceiveStatus.Done || buffer.IsEmpty || consumed == 0)
                {
                    return status;
                }
            }
        }
        finally
        {
            batch.Hold(_connection!); // The client's own output may have a WebSocket pong to send.
            batch.Flush();
        }
    }

    private void End()
    {
        transport.WebSocket?.Release();
        if (_connection is null)
        {
            transport.Output.Complete();
            return;
        }

        if (_receiver is not null)
        {
            server.Unregister(_connection, _receiver.IsHome, _isNotIdealCounted);
        }

        _connection.Close(DropReason.GoneDisconnected);
    }
}
