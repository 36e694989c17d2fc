namespace Sockets;

public abstract partial class TransportPipeReader
{
    // What a stream may read without having waited once before others get a turn.
    private const int TurnBytes = 32 * BlockPool.Large;

    // Less room than this in the last block is not worth a receive.
    private const int LeastRoom = 1024;
    private const int LeastStreamRoom = 16 * 1024;

    // What is moved rather than continued in another block: readers are quicker with one piece.
    private const int Movable = 16 * 1024;

    /// <summary>Under the lock: begins to wait with no buffer. False when it is known at once whether there is something.</summary>
    private protected abstract bool BeginWait();

    /// <summary>Under the lock: what the wait has shown.</summary>
    private protected abstract void EndWait();

    /// <summary>Under the lock: takes what there is, without waiting, by <see cref="Room"/> and <see cref="Took"/>, or <see cref="End"/>.</summary>
    private protected abstract void Receive();

    /// <summary>Frees what waits.</summary>
    private protected abstract void Free();

    /// <summary>Carries a stream from now on, or not any more: large buffers, and turns with other streams.</summary>
    private protected void Stream(bool isStream)
    {
        lock (_gate)
        {
            _isStream = isStream;
            if (isStream)
            {
                (_watches, _ended) = (false, null);
            }
        }
    }

    private protected void Unwatch()
    {
        lock (_gate)
        {
            (_watches, _ended) = (false, null);
        }
    }

    /// <summary>Bytes have come into a block.</summary>
    private protected void Took(Block block, int count)
    {
        block.Fill(count);
        _length += count;
        _turn += count;
    }

    /// <summary>Nothing has come into the block that was made room in.</summary>
    private protected void TookNothing()
    {
        if (_length == 0)
        {
            ReleaseAll();
        }
    }

    /// <summary>Gives the empty block at the end up: something may still write into it.</summary>
    private protected void Abandon() => (_head, _tail, _length) = (null, null, 0);

    /// <summary>Nothing more comes: the peer has ended, or with an error the transport is broken.</summary>
    private protected void End(Exception? error)
    {
        if (_isEnded)
        {
            return;
        }

        (_isEnded, _error) = (true, error);
        if (_watches && _ended is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static ended => ended(), _ended, preferLocal: false);
        }
    }

    /// <summary>Under the lock and not armed: receives, or else arms. True when there is something to tell a reader.</summary>
    private bool Fetch()
    {
        while (!HasResult)
        {
            if (MayHaveMore)
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
            if (MayHaveMore)
            {
                Receive();
            }
            else if (Arm())
            {
                return;
            }
        }
    }

    private bool Arm()
    {
        // Before: it may have ended on another thread when it returns, and then waits for the lock.
        _isArmed = true;
        return _isArmed = BeginWait();
    }

    /// <summary>The block to receive into. Nobody reads what is there already, so it may be moved.</summary>
    private protected Block Room()
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

    /// <summary>The wait is over: the transport has something, or has broken.</summary>
    private protected void Arrived()
    {
        lock (_gate)
        {
            _isArmed = false;
            EndWait();
            if (_isDisposed)
            {
                Free();
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
}
