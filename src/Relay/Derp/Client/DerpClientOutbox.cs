using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// The sending half of a <see cref="DerpClient"/>, with its lock. It stores at most one frame that the output has accepted in part, and
/// one control frame of each kind. It queues no packets: a full output refuses them.
/// </summary>
internal sealed class DerpClientOutbox : IDerpClientOutbox
{
    private readonly Lock _lock = new();
    private readonly IDerpOutput _output;
    private byte[] _frame = new byte[DerpFrames.MaxControl];
    private int _start;
    private int _end;
    private long _taken;
    private DerpClientControl _control;
    private bool _isSending;
    private bool _isClosed;
    private volatile bool _isOpen;

    public DerpClientOutbox(IDerpOutput output)
    {
        _output = output;
        output.OnWritable(Flush);
    }

    /// <inheritdoc/>
    public bool IsOpen => _isOpen;

    /// <inheritdoc/>
    public bool IsStuck => !_output.IsWritable;

    /// <inheritdoc/>
    public long Taken => Volatile.Read(ref _taken);

    /// <inheritdoc/>
    public void SendLogin(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            frame.CopyTo(NewFrame(frame.Length));
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Open()
    {
        lock (_lock)
        {
            _isOpen = !_isClosed;
        }
    }

    /// <summary>Sends a packet, without a flush.</summary>
    /// <returns>False when the output is full, or not open.</returns>
    public bool TrySend(in NodeKey destination, ReadOnlySpan<byte> packet)
    {
        lock (_lock)
        {
            if (!_isOpen || !Drain())
            {
                return false;
            }

            var frame = NewFrame(DerpProtocol.HeaderLength + NodeKey.Length + packet.Length);
            var at = DerpFrames.PacketPrefix(frame, DerpFrameType.SendPacket, destination, packet.Length);
            packet.CopyTo(frame[at..]);
            Drain();
            return true;
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        lock (_lock)
        {
            // A reentrant call from within the output. The outer call sends the new bytes too.
            if (_isSending || _isClosed)
            {
                return;
            }

            do
            {
                Drain();
                _isSending = true;
                try
                {
                    _output.Flush();
                }
                finally
                {
                    _isSending = false;
                }
            }
            while (_isOpen && _control.IsDue && _output.IsWritable);
        }
    }

    /// <inheritdoc/>
    public void QueuePong(ulong data)
    {
        lock (_lock)
        {
            _control.Pong(data);
        }
    }

    /// <inheritdoc/>
    public void SendPing(ulong data)
    {
        lock (_lock)
        {
            _control.Ping(data);
            Flush();
        }
    }

    /// <summary>Tells the relay whether it is the client's home relay, once the login is over and the output is not full.</summary>
    public void NotePreferred(bool home)
    {
        lock (_lock)
        {
            _control.NotePreferred(home);
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Close()
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                (_isClosed, _isOpen) = (true, false);
                _output.Complete();
            }
        }
    }

    // Returns true when all stored bytes are sent and the output accepts more. A reentrant call, as inline pipes make it, returns false.
    private bool Drain()
    {
        if (_isSending)
        {
            return false;
        }

        _isSending = true;
        try
        {
            while (_output.IsWritable)
            {
                if (_start == _end && !ComposeControl())
                {
                    return true;
                }

                var sent = _output.TrySend(_frame.AsSpan(_start, _end - _start));
                _start += sent;
                Volatile.Write(ref _taken, _taken + sent);
                if (sent == 0)
                {
                    return false;
                }
            }

            return false;
        }
        finally
        {
            _isSending = false;
        }
    }

    private bool ComposeControl()
    {
        if (!_isOpen || !_control.IsDue)
        {
            return false;
        }

        (_start, _end) = (0, _control.Compose(_frame));
        return true;
    }

    // The buffer grows to the longest frame that was sent, 64 KiB and a header at most, and is reused.
    private Span<byte> NewFrame(int length)
    {
        if (_frame.Length < length)
        {
            _frame = new byte[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length)];
        }

        (_start, _end) = (0, length);
        return _frame.AsSpan(0, length);
    }
}
