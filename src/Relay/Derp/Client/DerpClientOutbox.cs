using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// The sending half of a <see cref="DerpClient"/>, with its lock. It stores at most one frame that the output has accepted in part, and
/// one control frame of each kind. It queues no packets: a full output refuses them.
/// </summary>
internal sealed class DerpClientOutbox
{
    private readonly Lock _lock = new();
    private readonly IDerpOutput _output;
    private byte[] _frame = new byte[DerpFrames.MaxControl];
    private int _start;
    private int _end;
    private long _taken;
    private ulong _pong;
    private ulong _ping;
    private bool _isPongDue;
    private bool _isPingDue;
    private bool _isHome;
    private bool _isHomeDue;
    private bool _isSending;
    private bool _isClosed;
    private volatile bool _isOpen;

    public DerpClientOutbox(IDerpOutput output)
    {
        _output = output;
        output.OnWritable(Flush);
    }

    /// <summary>Whether the login is over and the outbox is not closed.</summary>
    public bool IsOpen => _isOpen;

    /// <summary>Whether the output accepts no more bytes.</summary>
    public bool IsStuck => !_output.IsWritable;

    /// <summary>The number of bytes that the output has accepted. It grows as long as the relay reads.</summary>
    public long Taken => Volatile.Read(ref _taken);

    private bool HasControl => _isPongDue || _isPingDue || _isHomeDue;

    /// <summary>Sends a frame of the login. The output has space for it, because nothing was sent before.</summary>
    public void SendLogin(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            frame.CopyTo(NewFrame(frame.Length));
            Flush();
        }
    }

    /// <summary>Allows packets and control frames, after the login.</summary>
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

    /// <summary>Sends stored bytes as far as the output accepts them, and flushes the output.</summary>
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
            while (_isOpen && HasControl && _output.IsWritable);
        }
    }

    /// <summary>Queues the answer to a ping for the next flush. It replaces an answer that still waits.</summary>
    public void QueuePong(ulong data)
    {
        lock (_lock)
        {
            (_pong, _isPongDue) = (data, true);
        }
    }

    /// <summary>Sends a ping, at once if the output is not full.</summary>
    public void SendPing(ulong data)
    {
        lock (_lock)
        {
            (_ping, _isPingDue) = (data, true);
            Flush();
        }
    }

    /// <summary>Tells the relay whether it is the client's home relay, once the login is over and the output is not full.</summary>
    public void NotePreferred(bool home)
    {
        lock (_lock)
        {
            (_isHome, _isHomeDue) = (home, true);
            Flush();
        }
    }

    /// <summary>Completes the output. Nothing is sent afterwards, and further calls have no effect.</summary>
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
        if (!_isOpen || !HasControl)
        {
            return false;
        }

        (_start, _end) = (0, 0);
        if (_isHomeDue)
        {
            _isHomeDue = false;
            _end += DerpFrames.NotePreferred(_frame.AsSpan(_end), _isHome);
        }

        if (_isPongDue)
        {
            _isPongDue = false;
            _end += DerpFrames.Ping(_frame.AsSpan(_end), DerpFrameType.Pong, _pong);
        }

        if (_isPingDue)
        {
            _isPingDue = false;
            _end += DerpFrames.Ping(_frame.AsSpan(_end), DerpFrameType.Ping, _ping);
        }

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
