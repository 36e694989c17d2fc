using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <content>What the server sends.</content>
internal sealed partial class SimulatedServer
{
    private void TimeOut(long now)
    {
        if (_una == _next)
        {
            _due = now + Math.Min(60_000_000, MinTimeout << Math.Min(++_expiries, 9));
            if (_next < End)
            {
                var probe = new TcpHeader(_port, _peerPort, _initial + (uint)_next, Acknowledgment, TcpFlags.Ack, Window());
                Write(probe, Options(now), [0xee]);
            }
            else
            {
                _due = long.MaxValue;
            }

            return;
        }

        if (_expiries++ >= _settings.Retries)
        {
            GaveUp = true;
            return;
        }

        _next = _una;
        _window = 1;
        _duplicates = 0;
        _due = now + Math.Min(60_000_000, MinTimeout << Math.Min(_expiries, 9));
    }

    private void SendData(long now)
    {
        while (_next < End && _next - _una < (long)_window * _segment)
        {
            var length = (int)Math.Min(Math.Min(_segment, _written - _next), Math.Max(0, _edge - _next));
            var fin = MayFinish && _next + length == _written;
            if (length <= 0 && !fin)
            {
                break;
            }

            Send(_next, length, fin, now);
            _next += length + (fin ? 1 : 0);
            _max = Math.Max(_max, _next);
            if (_due == long.MaxValue)
            {
                _due = now + (MinTimeout << Math.Min(_expiries, 9));
            }
        }
    }

    private void Send(long position, int length, bool fin, long now, bool withSack = false)
    {
        length = Math.Max(0, length);
        var data = new byte[length];
        Pattern.Fill(data, position, _settings.Salt);
        var flags = TcpFlags.Ack | (fin ? TcpFlags.Fin : 0) | (length > 0 && position + length == _written ? TcpFlags.Psh : 0);
        var options = Options(now);
        if (_sack && withSack)
        {
            foreach (var (start, end) in _recent.Take(_timestamps ? 3 : 4))
            {
                options.AddSack(new SackBlock(_peerInitial + 1 + (uint)start, _peerInitial + 1 + (uint)end));
            }
        }

        Write(new TcpHeader(_port, _peerPort, _initial + 1 + (uint)position, Acknowledgment, flags, Window()), options, data);
        _ackOwed &= !withSack && _recent.Count > 0;
        _ackDue = long.MaxValue;
    }

    private ushort Window()
    {
        var scale = _settings.Scale ?? 0;
        var free = _read + Math.Min(_settings.Window, 65535 << scale) - _received;
        free = free < Math.Min(_segment, _settings.Window / 2) && _promised <= _received ? 0 : free;
        var window = (ushort)Math.Clamp(free >> scale, 0, 65535);
        _promised = Math.Max(_promised, _received + ((long)window << scale));
        return window;
    }

    private TcpOptions Options(long now) => _timestamps
        ? new TcpOptions { HasTimestamps = true, TimestampValue = (uint)(now / 1000), TimestampEcho = _recentTimestamp }
        : default;

    private void Write(in TcpHeader header, in TcpOptions options, ReadOnlySpan<byte> data)
    {
        var packet = new byte[TcpHeader.PayloadOffset(options) + data.Length];
        data.CopyTo(packet.AsSpan(TcpHeader.PayloadOffset(options)));
        header.Write(packet, Address, _peer, options, data.Length);
        _output(packet);
    }
}
