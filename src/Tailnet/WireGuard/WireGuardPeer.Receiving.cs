using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <content>Messages from the peer.</content>
public sealed partial class WireGuardPeer
{
    /// <summary>Handles a message that is said to be from the peer. Any bytes are allowed.</summary>
    /// <param name="message">The message. A transport message is decrypted in place, and overwritten even when it is forged.</param>
    /// <param name="packet">The inner packet without padding, a part of the message's memory; empty when there is none.</param>
    /// <returns>Why the message was dropped, or <see cref="DropReason.None"/>.</returns>
    /// <exception cref="ObjectDisposedException">The peer is disposed.</exception>
    public DropReason Receive(Span<byte> message, out Span<byte> packet)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        packet = default;
        var now = _times.Now;
        return MessageKinds.Of(message) switch
        {
            MessageKind.Transport => Receive(new TransportMessage(message), now, out packet),
            MessageKind.Initiation => Receive(new InitiationMessage(message), now),
            MessageKind.Response => Receive(new ResponseMessage(message), now),
            MessageKind.CookieReply => _macs.Read(new CookieReplyMessage(message), now),
            _ => DropReason.Malformed,
        };
    }

    private DropReason Receive(TransportMessage message, long now, out Span<byte> packet)
    {
        packet = default;
        if (_slots.Find(message.Receiver) is not { } session)
        {
            return DropReason.UnknownSession;
        }

        if (now - session.CreatedAt >= _times.RejectAfter)
        {
            return DropReason.OldSession;
        }

        var reason = session.Open(message, out var padded);
        if (reason is not DropReason.None)
        {
            return reason;
        }

        ReceivedAuthentic(now);
        if (_slots.TryConfirm(session))
        {
            HandshakeDone(_slots.Current!, HandshakeRole.Responder, now);
        }

        RekeyBeforeEnd(session, now);
        if (padded.IsEmpty)
        {
            return DropReason.None;
        }

        SchedulePassiveKeepAlive(now);
        if (!InnerPacket.TryLength(padded, out var length))
        {
            return DropReason.BadPacket;
        }

        packet = padded[..length];
        return DropReason.None;
    }

    private void ReceivedAuthentic(long now)
    {
        _timers.Clear(PeerTimer.NoAnswer);
        RestartPersistent(now);
    }

    // An initiator that only receives never checks the age in Sent, and the responder does not rekey by age.
    private void RekeyBeforeEnd(Session session, long now)
    {
        if (session.Role is HandshakeRole.Initiator
            && !session.HasBegunRekey
            && ReferenceEquals(session, _slots.Current)
            && now - session.CreatedAt > _times.RekeyAfterReceiving)
        {
            session.HasBegunRekey = true;
            BeginHandshake(now);
        }
    }

    private void SchedulePassiveKeepAlive(long now)
    {
        if (_timers.IsSet(PeerTimer.KeepAlive))
        {
            _needsAnotherKeepAlive = true;
        }
        else
        {
            _timers.Set(PeerTimer.KeepAlive, now + _times.KeepAliveTimeout);
        }
    }
}
