using System.Net;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>
/// A small TCP server of the tests, written apart from the stack under test: go-back-N with three duplicate acknowledgments, SACK as a
/// receiver, one acknowledgment for a batch. It checks every segment of its peer against the pattern and against the window that it has
/// promised.
/// </summary>
internal sealed partial class SimulatedServer
{
    public static readonly Ipv6Address Address = new(IPAddress.Parse("fd7a:115c:a1e0::2"));

    private const long MinTimeout = 200_000;

    private readonly ServerSettings _settings;
    private readonly Action<byte[]> _output;
    private readonly Ipv6Address _peer;
    private readonly uint _initial;
    private readonly SortedDictionary<long, long> _beyond = [];
    private readonly List<(long Start, long End)> _recent = [];

    private bool _sack;
    private bool _timestamps;
    private int _peerScale;
    private int _segment;
    private ushort _port;
    private ushort _peerPort;
    private uint _peerInitial;
    private uint _recentTimestamp;

    private long _una;
    private long _next;
    private long _max;
    private long _edge;
    private long _written;
    private long _writeAt;
    private int _window = 10;
    private int _duplicates;
    private long _repeated = -1;
    private int _expiries;
    private long _due = long.MaxValue;

    private long _received;
    private long _read;
    private long _promised;
    private long _readAt;
    private long _peerFin = long.MaxValue;
    private bool _ackOwed;
    private long _ackDue = long.MaxValue;

    public SimulatedServer(ServerSettings settings, Action<byte[]> output, Ipv6Address peer, uint initial)
    {
        _settings = settings;
        _output = output;
        _peer = peer;
        _initial = initial;
        _readAt = settings.ReadsFrom;
    }

    public bool IsOpen { get; private set; }

    /// <summary>The peer has reset the connection.</summary>
    public bool WasReset { get; private set; }

    /// <summary>The server has retransmitted as often as it may.</summary>
    public bool GaveUp { get; private set; }

    /// <summary>Everything of the peer has come, and its FIN.</summary>
    public bool HasAll { get; private set; }

    /// <summary>Bytes received in order.</summary>
    public long Received => _received;

    /// <summary>The peer has acknowledged everything, and the FIN.</summary>
    public bool IsAcknowledged => _una > _settings.ToSend;

    /// <summary>The highest edge of the window that was promised, as a position of the peer's bytes.</summary>
    public long Promised => _promised;

    /// <summary>Largest segment of the peer seen.</summary>
    public int LargestSegment { get; private set; }

    private bool PeerHasFinished => _received >= _peerFin;

    private bool MayFinish => !_settings.NoFin && _written == _settings.ToSend && (!_settings.FinAfterFin || PeerHasFinished);

    private long End => _written + (MayFinish ? 1 : 0);

    public long Deadline(long now)
    {
        if (!IsOpen || WasReset || GaveUp)
        {
            return GaveUp || WasReset ? long.MaxValue : _due;
        }

        var deadline = Math.Min(_due, _ackDue);
        if (_written < _settings.ToSend && (!_settings.WritesAfterFin || PeerHasFinished))
        {
            deadline = Math.Min(deadline, Math.Max(now, _writeAt));
        }

        if (_read < _received)
        {
            deadline = Math.Min(deadline, Math.Max(now, _readAt));
        }

        return deadline;
    }

    public void Receive(byte[] packet, long now)
    {
        Assert.True(Ipv6Header.TryRead(packet, out var ip));
        Assert.Equal((IpProtocol.Tcp, _peer, Address), (ip.Protocol, ip.Source, ip.Destination));
        Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
        if (WasReset || GaveUp)
        {
            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            ReceiveSyn(segment, now);
            return;
        }

        if (_peerPort != segment.SourcePort || _port != segment.DestinationPort)
        {
            return;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            WasReset |= segment.Sequence - Acknowledgment < 1 << 24;
            return;
        }

        if (_timestamps)
        {
            Assert.True(segment.Options.HasTimestamps, "Timestamps were agreed on, and are missing.");
            if ((int)(segment.Options.TimestampValue - _recentTimestamp) >= 0 && (int)(segment.Sequence - Acknowledgment) <= 0)
            {
                _recentTimestamp = segment.Options.TimestampValue;
            }
        }

        IsOpen = true;
        TakeAcknowledgment(segment, now);
        TakeData(segment, now);
    }

    /// <summary>What the application and the timers do; then what is to be sent.</summary>
    public void Run(long now)
    {
        if (WasReset || GaveUp)
        {
            return;
        }

        if (!IsOpen)
        {
            if (now >= _due)
            {
                SendSynAck(now);
            }

            return;
        }

        if (_read < _received && now >= _readAt)
        {
            var before = _promised - _received;
            _read = Math.Min(_received, _read + _settings.Reads.Bytes);
            _readAt = now + _settings.Reads.Every;
            _ackOwed |= before < _segment && _read + _settings.Window - _received >= 2 * _segment;
        }

        if (_written < _settings.ToSend && now >= _writeAt && (!_settings.WritesAfterFin || PeerHasFinished))
        {
            _written = Math.Min(_settings.ToSend, _written + Math.Min(_settings.Writes.Bytes, _settings.ToSend));
            _writeAt = now + _settings.Writes.Every;
        }

        if (now >= _due)
        {
            TimeOut(now);
        }

        SendData(now);
        if (now >= _ackDue)
        {
            _ackOwed = true;
        }

        if (_ackOwed)
        {
            Send(_max, 0, false, now, withSack: true);
        }

        if (_una == _next && _next < End && _due == long.MaxValue)
        {
            // The window is shut: probes are a byte below what the peer expects, which it is to throw away.
            _due = now + MinTimeout;
        }
    }

    private uint Acknowledgment => _peerInitial + 1 + (uint)_received + (PeerHasFinished ? 1u : 0);

    private void ReceiveSyn(in TcpSegment segment, long now)
    {
        if (IsOpen && segment.Sequence != _peerInitial)
        {
            return;
        }

        (_port, _peerPort, _peerInitial) = (segment.DestinationPort, segment.SourcePort, segment.Sequence);
        _sack = _settings.Sack && segment.Options.SackPermitted;
        _timestamps = _settings.Timestamps && segment.Options.HasTimestamps;
        _recentTimestamp = segment.Options.TimestampValue;
        _peerScale = _settings.Scale is null ? 0 : segment.Options.WindowScale ?? 0;
        _segment = Math.Min(_settings.Mss, segment.Options.MaxSegmentSize ?? 1220) - (_timestamps ? 12 : 0);
        if (!IsOpen)
        {
            _edge = segment.Window;
            SendSynAck(now);
        }
        else
        {
            _ackOwed = true;
        }
    }

    private void SendSynAck(long now)
    {
        if (_peerPort == 0)
        {
            return;
        }

        var options = new TcpOptions
        {
            MaxSegmentSize = (ushort)_settings.Mss,
            SackPermitted = _sack,
            WindowScale = _settings.Scale,
            HasTimestamps = _timestamps,
            TimestampValue = (uint)(now / 1000),
            TimestampEcho = _timestamps ? _recentTimestamp : 0,
        };
        _promised = Math.Max(_promised, Math.Min(65535, _settings.Window));
        var window = (ushort)Math.Min(65535, _settings.Window);
        Write(new TcpHeader(_port, _peerPort, _initial, _peerInitial + 1, TcpFlags.Syn | TcpFlags.Ack, window), options, []);
        _due = now + (1_000_000L << _expiries++);
    }

    private void TakeAcknowledgment(in TcpSegment segment, long now)
    {
        var ack = _una + (int)(segment.Acknowledgment - (_initial + 1 + (uint)_una));
        Assert.True(ack <= _max, "The peer acknowledges what was never sent.");
        if (_expiries > 0 && _max == 0)
        {
            (_due, _expiries) = (long.MaxValue, 0);
        }

        if (ack < _una)
        {
            return;
        }

        var edge = ack + ((long)segment.Window << _peerScale);
        if (ack > _una)
        {
            _una = ack;
            _next = Math.Max(_next, _una);
            _window = Math.Min(64, _window + 1);
            (_duplicates, _expiries) = (0, 0);
            _due = _una == _next ? long.MaxValue : now + MinTimeout;
        }
        else if (segment.Length == 0 && edge == _edge && _next > _una && ++_duplicates == 3 && _repeated != _una)
        {
            _repeated = _una;
            _window = Math.Max(2, _window / 2);
            var length = (int)Math.Min(Math.Min(_segment, _written - _una), _max - _una);
            Send(_una, length, _una + length == _written && _max > _written, now);
        }

        _edge = Math.Max(_edge, edge);
    }

    private void TakeData(in TcpSegment segment, long now)
    {
        var start = _received + (int)(segment.Sequence - (_peerInitial + 1 + (uint)_received));
        var end = start + segment.Payload.Length;
        LargestSegment = Math.Max(LargestSegment, segment.Payload.Length);
        Assert.True(segment.Payload.Length <= _segment, "The segment is larger than the MSS.");
        if (segment.Length == 0)
        {
            // A keep-alive probe lies below what is expected.
            _ackOwed |= start < _received + (PeerHasFinished ? 1 : 0);
            return;
        }

        Pattern.Verify(segment.Payload, start, _settings.PeerSalt);
        Assert.True(end <= _promised || segment.Payload.Length <= 1, $"The segment ends at {end}, and the window at {_promised}.");
        if (segment.Has(TcpFlags.Fin))
        {
            Assert.True(_peerFin == long.MaxValue || _peerFin == end, "The FIN has moved.");
            _peerFin = end;
        }

        // Only what fits is taken.
        end = Math.Min(end, Math.Max(_promised, _received));
        _ackOwed = true;
        if (start <= _received && end > _received)
        {
            _ackOwed = _settings.DelayedAck == 0 || _beyond.Count > 0 || _ackDue != long.MaxValue || segment.Has(TcpFlags.Fin);
            _ackDue = _ackOwed ? _ackDue : now + _settings.DelayedAck;
            _received = end;
        }
        else if (start > _received && start < end)
        {
            _beyond[start] = Math.Max(end, _beyond.GetValueOrDefault(start));
            _recent.RemoveAll(block => block.Start == start);
            _recent.Insert(0, (start, end));
        }

        while (_beyond.Count > 0 && _beyond.First() is var first && first.Key <= _received)
        {
            _received = Math.Max(_received, first.Value);
            _beyond.Remove(first.Key);
        }

        HasAll = PeerHasFinished;
        _recent.RemoveAll(block => block.End <= _received);
    }
}
