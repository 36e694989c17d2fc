using System.Net.Sockets;

namespace Relay.Sockets;

public sealed partial class SocketInput
{
    // What a stream may read without having waited once before others get a turn.
    private const int TurnBytes = 16 * BlockPool.Large;

    // Less room than this in the last block is not worth a receive.
    private const int LeastRoom = 1024;
    private const int LeastStreamRoom = 16 * 1024;

    // What is moved rather than continued in another block: readers are quicker with one piece.
    private const int Movable = 16 * 1024;

    /// <summary>Under the lock and not armed: receives, or else arms. True when there is something to tell a reader.</summary>
    private bool Fetch()
    {
        while (!HasResult)
        {
            if (_mayHaveMore)
            {
                Receive();
            }
            else if (Arm())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Under the lock and not armed: takes what comes while nobody reads, up to the bound.</summary>
    private void ReadAhead()
    {
        while (!_isArmed && !_isEnded && _length < _readAhead)
        {
            if (_mayHaveMore)
            {
                Receive();
            }
            else if (Arm())
            {
                return;
            }
        }
    }

    /// <summary>Waits for the socket with no buffer. False when it has something at once.</summary>
    private bool Arm()
    {
        try
        {
            if (_socket.ReceiveAsync(_arrival))
            {
                return _isArmed = true;
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or InvalidOperationException)
        {
            End(SocketError.OperationAborted);
            return false;
        }

        Judge();
        return false;
    }

    private void Judge()
    {
        if (_arrival.SocketError == SocketError.Success)
        {
            _mayHaveMore = true;
        }
        else
        {
            End(_arrival.SocketError);
        }
    }

    private void Receive()
    {
        var block = Room();
        var room = block.Room;
        int count;
        SocketError error;
        try
        {
            count = _socket.Receive(block.Free, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            (count, error) = (0, SocketError.OperationAborted);
        }

        if (count > 0)
        {
            block.Fill(count);
            _length += count;
            _turn += count;

            // A receive that did not fill its room has emptied the socket, and the next one would only say so.
            _mayHaveMore = count == room;
            return;
        }

        _mayHaveMore = false;
        if (_length == 0)
        {
            ReleaseAll();
        }

        if (error != SocketError.WouldBlock)
        {
            End(error);
        }
    }

    private void End(SocketError error)
    {
        if (_isEnded)
        {
            return;
        }

        _isEnded = true;
        _error = error == SocketError.Success ? null : _failure(error);
        if (_watches && _ended is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static ended => ended(), _ended, preferLocal: false);
        }
    }

    /// <summary>The block to receive into. Nobody reads what is there already, so it may be moved.</summary>
    private Block Room()
    {
        var least = _isStream ? LeastStreamRoom : LeastRoom;
        if (_tail is null)
        {
            return _head = _tail = _isStream ? BlockPool.RentLarge() : BlockPool.RentSmall();
        }

        if (_tail.Room >= least)
        {
            return _tail;
        }

        var next = BlockPool.RentLarge();
        if (ReferenceEquals(_head, _tail) && _length <= Movable && _reading == Reading.None)
        {
            MoveTo(next);
        }
        else
        {
            next.Follow(_tail);
            _tail = next;
        }

        return next;
    }

    /// <summary>A leftover that waits for its rest, perhaps for hours, holds no more than a small block.</summary>
    private void Shrink()
    {
        if (_length is > 0 and <= BlockPool.Small && ReferenceEquals(_head, _tail) && _head!.Bytes.Length > BlockPool.Small)
        {
            MoveTo(BlockPool.RentSmall());
        }
    }

    private void MoveTo(Block block)
    {
        var old = _head!;
        old.Span.CopyTo(block.Free);
        block.Fill(old.Length);
        BlockPool.Return(old);
        _head = _tail = block;
    }

    /// <summary>How far a position is from the first byte that was not consumed.</summary>
    private long Distance(SequencePosition position) =>
        position.GetObject() is Block block && _head is not null
            ? block.RunningIndex + position.GetInteger() - (_head.RunningIndex + _head.Start)
            : 0;

    private void Consume(long count)
    {
        _length -= count;
        if (_length == 0)
        {
            ReleaseAll();
            return;
        }

        while (count >= _head!.Length)
        {
            count -= _head.Length;
            var empty = _head;
            _head = _head.After;
            BlockPool.Return(empty);
        }

        _head.Start += (int)count;
    }

    private void ReleaseAll()
    {
        while (_head is { } block)
        {
            _head = block.After;
            BlockPool.Return(block);
        }

        _tail = null;
    }

    /// <summary>The socket has something, or has broken.</summary>
    private void Arrived()
    {
        lock (_arrival)
        {
            _isArmed = false;
            Judge();
            if (_isDisposed)
            {
                _arrival.Dispose();
            }

            if (!_isWaiting)
            {
                if (_watches && _reading == Reading.None)
                {
                    ReadAhead();
                }

                return;
            }

            if (!Fetch())
            {
                return;
            }

            _isWaiting = false;
        }

        Finish();
    }

    /// <summary>The wait for the socket; also the lock.</summary>
    private sealed class Arrival(SocketInput input) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => input.Arrived();
    }
}
