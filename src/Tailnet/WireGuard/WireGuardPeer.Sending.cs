using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <content>Packets to the peer.</content>
public sealed partial class WireGuardPeer
{
    /// <summary>
    /// Encrypts a packet into a transport message, in place. Without a session, a copy of the packet waits in a bounded queue, and is sent
    /// through the output after the handshake.
    /// </summary>
    /// <param name="buffer">
    /// <see cref="HeaderLength"/> bytes for the header, the packet, and space for padding and tag: <see cref="BufferLength"/> bytes.
    /// </param>
    /// <param name="packet">The length of the packet in bytes, 1 to <see cref="Mtu"/>.</param>
    /// <returns>The length of the message at the start of the buffer, which the caller sends; 0 when the packet waits.</returns>
    /// <exception cref="ArgumentException">The packet has no bytes or too many, or the buffer is too short.</exception>
    /// <exception cref="ObjectDisposedException">The peer is disposed.</exception>
    public int Send(Span<byte> buffer, int packet)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(packet);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packet, Mtu);
        if (buffer.Length < BufferLength(packet))
        {
            throw new ArgumentException("The buffer has no room for header, padding and tag.", nameof(buffer));
        }

        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var now = _times.Now;
        var session = _slots.Current;
        if (!CanSend(session, now))
        {
            _queue.Add(buffer.Slice(HeaderLength, packet));
            BeginHandshake(now);
            return 0;
        }

        var length = session!.Seal(buffer, packet);
        Sent(session, isData: true, now);
        return length;
    }

    private void SendKeepAlive(long now)
    {
        var session = _slots.Current;
        if (!CanSend(session, now))
        {
            // The handshake ends with a keep-alive, unless packets wait.
            BeginHandshake(now);
            return;
        }

        Span<byte> message = stackalloc byte[TransportMessage.Overhead];
        session!.Seal(message, 0);
        Sent(session, isData: false, now);
        _output.Send(this, message);
    }

    /// <summary>Sends the packets that waited for the session.</summary>
    private void SendQueue(Session session, long now)
    {
        Span<byte> buffer = stackalloc byte[TransportMessage.MaxLength];
        while (CanSend(session, now) && _queue.TryTake(out var packet))
        {
            packet.CopyTo(buffer[HeaderLength..]);
            var length = session.Seal(buffer, packet.Length);
            Sent(session, isData: true, now);
            _output.Send(this, buffer[..length]);
        }
    }

    private void Sent(Session session, bool isData, long now)
    {
        _timers.Clear(PeerTimer.KeepAlive);
        RestartPersistent(now);
        if (isData && !_timers.IsSet(PeerTimer.NoAnswer))
        {
            _timers.Set(PeerTimer.NoAnswer, now + _times.NoAnswer + _times.Jitter());
        }

        // Only the initiator rekeys by age, so that the two sides do not begin handshakes at the same time.
        var isOld = session.Role is HandshakeRole.Initiator && now - session.CreatedAt >= _times.RekeyAfter;
        if (isOld || session.Sent >= _node.Options.RekeyAfterMessages)
        {
            BeginHandshake(now);
        }
    }
}
