namespace Sockets;

public abstract partial class TransportPipeReader
{
    // The most bytes that a stream may read without a wait before other streams get a turn.
    private const int TurnBytes = 32 * BlockPool.Large;

    // The least free space in the last block that is worth a receive.
    private const int MinFree = 1024;
    private const int MinStreamFree = 16 * 1024;

    // The most bytes that are copied into the next block, because readers are faster with one segment.
    private const int MaxMoved = 16 * 1024;

    /// <summary>Begins a wait without a buffer. Returns false when the wait has completed at once. Called under the lock.</summary>
    private protected abstract bool BeginWait();

    /// <summary>Handles the result of the wait. Called under the lock.</summary>
    private protected abstract void EndWait();

    /// <summary>
    /// Receives without a wait, and calls <see cref="ReceiveBlock"/> and then <see cref="OnReceived"/>, <see cref="OnNothingReceived"/> or
    /// <see cref="End"/>. Called under the lock.
    /// </summary>
    private protected abstract void Receive();

    /// <summary>Frees the objects of the wait.</summary>
    private protected abstract void Free();

    /// <summary>Begins or ends to carry a stream: a stream has large buffers, and takes turns with other streams.</summary>
    private protected void SetStream(bool isStream)
    {
        lock (_gate)
        {
            _isStream = isStream;
            if (isStream)
            {
                (_isWatching, _ended) = (false, null);
            }
        }
    }

    private protected void Unwatch()
    {
        lock (_gate)
        {
            (_isWatching, _ended) = (false, null);
        }
    }

    /// <summary>Adds received bytes to a block.</summary>
    private protected void OnReceived(Block block, int count)
    {
        block.Fill(count);
        _length += count;
        _turnBytes += count;
    }

    /// <summary>Returns the block to the pool if a receive found no bytes and the block is empty.</summary>
    private protected void OnNothingReceived()
    {
        if (_length == 0)
        {
            ReleaseAll();
        }
    }

    /// <summary>Abandons the last, empty block: a pending read may still write into it, so it cannot go back to the pool.</summary>
    private protected void Abandon() => (_head, _tail, _length) = (null, null, 0);

    /// <summary>Ends the input: the peer has ended its bytes, or with an error the transport is broken.</summary>
    private protected void End(Exception? error)
    {
        if (_isEnded)
        {
            return;
        }

        (_isEnded, _error) = (true, error);
        if (_isWatching && _ended is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static ended => ended(), _ended, preferLocal: false);
        }
    }

    /// <summary>
    /// Receives, or arms the wait. Returns true when there is a result for a reader. Called under the lock, and not armed.
    /// </summary>
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

    /// <summary>Receives while no read is pending, up to the limit of the read-ahead. Called under the lock.</summary>
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
        // Set first: the wait may complete on another thread before BeginWait returns; that thread then waits for the lock.
        _isArmed = true;
        return _isArmed = BeginWait();
    }

    /// <summary>Returns the block to receive into. No read is in progress, so bytes that were received before may be moved.</summary>
    private protected Block ReceiveBlock()
    {
        var least = _isStream ? MinStreamFree : MinFree;
        if (_tail is null)
        {
            return _head = _tail = _isStream ? BlockPool.RentLarge() : BlockPool.RentSmall();
        }

        if (_tail.FreeLength >= least)
        {
            return _tail;
        }

        var next = BlockPool.RentLarge();
        if (ReferenceEquals(_head, _tail) && _length <= MaxMoved && _reading == Reading.None)
        {
            MoveTo(next);
        }
        else
        {
            next.AppendTo(_tail);
            _tail = next;
        }

        return next;
    }

    /// <summary>Moves a short leftover, which may wait for its rest for hours, into a small block.</summary>
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

    /// <summary>Returns the distance of a position from the first unconsumed byte.</summary>
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

    /// <summary>Called when the wait is over: the transport has bytes, its end or an error.</summary>
    private protected void OnReady()
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
                if (_isWatching && _reading == Reading.None)
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

        CompleteRead();
    }
}
