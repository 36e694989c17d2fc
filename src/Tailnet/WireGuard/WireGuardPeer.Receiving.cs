using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <content>Messages from the peer.</content>
public sealed partial class WireGuardPeer
{
    /// <summary>Takes a message whose sender is said to be the peer. Any bytes are allowed.</summary>
    /// <param name="message">The message. A transport message is opened in place, also when it turns out to be forged.</param>
    /// <param name="packet">The packet in it, without padding, where it lies in the message; empty when there is none.</param>
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

        RenewInLastMinute(session, now);
        if (padded.IsEmpty)
        {
            return DropReason.None;
        }

        AnswerWithin10Seconds(now);
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

    // A side that only receives never sees in Send that its session is old, and the peer must not begin the next one.
    private void RenewInLastMinute(Session session, long now)
    {
        if (session.Role is HandshakeRole.Initiator
            && !session.HasAskedForNext
            && ReferenceEquals(session, _slots.Current)
            && now - session.CreatedAt > _times.LastMinute)
        {
            session.HasAskedForNext = true;
            BeginHandshake(now);
        }
    }

    private void AnswerWithin10Seconds(long now)
    {
        if (_timers.IsSet(PeerTimer.KeepAlive))
        {
            _owesAnotherKeepAlive = true;
        }
        else
        {
            _timers.Set(PeerTimer.KeepAlive, now + _times.KeepAliveTimeout);
        }
    }
}
