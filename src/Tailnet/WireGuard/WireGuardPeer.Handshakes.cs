using System.Security.Cryptography;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <content>Handshakes of both roles.</content>
public sealed partial class WireGuardPeer
{
    /// <summary>Begins a handshake, unless there is a session or a handshake is in progress.</summary>
    /// <exception cref="ObjectDisposedException">The peer is disposed.</exception>
    public void Connect()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var now = _times.Now;
        if (!CanSend(_slots.Current, now))
        {
            BeginHandshake(now);
        }
    }

    /// <summary>
    /// The peer was reported to know this node's key from now on. A handshake in progress without a session sends its next initiation at
    /// once, and restarts the backoff with a shorter delay, because the peer has dropped the earlier initiations.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The peer is disposed.</exception>
    public void PeerIsReady()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var now = _times.Now;
        if (!_tries.IsRunning || CanSend(_slots.Current, now) || now - _readyAt < _times.ReadyGap)
        {
            return;
        }

        _readyAt = now;
        var from = Math.Max(now, _initiatedAt + _times.InitiationGap);
        _tries.Restart(from, _times.ReadyRetry);
        InitiateAt(from, now);
    }

    private void BeginHandshake(long now)
    {
        if (_tries.IsRunning)
        {
            return;
        }

        // Packets or dials wait for a first session. A rekey is not urgent, because the old session still works.
        var isFirst = !CanSend(_slots.Current, now);
        var from = isFirst
            ? Math.Max(_initiatedAt + _times.InitiationGap, _respondedAt + _times.FirstRetry)
            : Math.Max(_initiatedAt, _respondedAt) + _times.RekeyTimeout;
        from = Math.Max(from, now);
        _tries.Start(from, isFirst ? _times.FirstRetry : 0, from + _times.AttemptTime);
        InitiateAt(from, now);
    }

    private void InitiateAt(long from, long now)
    {
        if (from <= now)
        {
            Initiate(now);
        }
        else
        {
            _timers.Set(PeerTimer.Handshake, from);
        }
    }

    private void Initiate(long now)
    {
        Span<byte> bytes = stackalloc byte[InitiationMessage.Length];
        Span<byte> ephemeral = stackalloc byte[X25519.KeyLength];
        Span<byte> timestamp = stackalloc byte[HandshakeClock.TimestampLength];
        X25519.NewPrivateKey(ephemeral);
        _node.Clock.Next(ref _lastOwnTimestamp, timestamp);

        ForgetInitiation();
        var message = InitiationMessage.Create(bytes, _node.Indices.Take());
        _initiator.Write(message, _node.Identity, _keys, ephemeral, timestamp);
        _macs.Write(message.Macs, message.Sender, now);
        CryptographicOperations.ZeroMemory(ephemeral);

        _initiatedAt = now;
        _timers.Set(PeerTimer.Handshake, _tries.Next(now, _times));
        _timers.Clear(PeerTimer.KeepAlive);
        RestartPersistent(now);
        _output.Send(this, bytes);
    }

    private DropReason Receive(InitiationMessage message, long now)
    {
        if (!HandshakeMacs.IsValid(message.Macs, _node.Identity.MacKey))
        {
            return DropReason.BadMac;
        }

        // The limits are checked before X25519, which takes time.
        if (now - _initiationReceivedAt < _times.InitiationGap || !_budget.TryTake(now) || !_node.TryTakeHandshake(now))
        {
            return DropReason.RateLimited;
        }

        _initiationReceivedAt = now;

        Span<byte> memory = stackalloc byte[SymmetricState.Length];
        Span<byte> timestamp = stackalloc byte[HandshakeClock.TimestampLength];
        var state = new SymmetricState(memory);
        var reason = ResponderHalf.Read(message, _node.Identity, _keys, state, timestamp);
        if (reason is DropReason.None)
        {
            if (timestamp.SequenceCompareTo(_lastTimestamp) > 0)
            {
                timestamp.CopyTo(_lastTimestamp);
                Respond(message, state, now);
            }
            else
            {
                reason = DropReason.OldTimestamp;
            }
        }

        CryptographicOperations.ZeroMemory(memory);
        return reason;
    }

    private void Respond(InitiationMessage initiation, SymmetricState state, long now)
    {
        Span<byte> bytes = stackalloc byte[ResponseMessage.Length];
        Span<byte> ephemeral = stackalloc byte[X25519.KeyLength];
        Span<byte> keys = stackalloc byte[2 * Session.KeyLength];
        X25519.NewPrivateKey(ephemeral);
        var message = ResponseMessage.Create(bytes, _node.Indices.Take(), initiation.Sender);
        ResponderHalf.Write(message, _keys, initiation.Ephemeral, ephemeral, state, keys);
        _macs.Write(message.Macs, message.Sender, now);
        _slots.AddAnswered(NewSession(HandshakeRole.Responder, message.Sender, initiation.Sender, keys, now));
        CryptographicOperations.ZeroMemory(ephemeral);
        CryptographicOperations.ZeroMemory(keys);

        _respondedAt = now;
        ReceivedAuthentic(now);
        _timers.Clear(PeerTimer.KeepAlive);
        _output.Send(this, bytes);
    }

    private DropReason Receive(ResponseMessage message, long now)
    {
        if (!_initiator.IsOutstanding || message.Receiver != _initiator.Index)
        {
            return DropReason.UnknownSession;
        }

        if (!HandshakeMacs.IsValid(message.Macs, _node.Identity.MacKey))
        {
            return DropReason.BadMac;
        }

        if (_initiator.IsUnderAttack)
        {
            return DropReason.RateLimited;
        }

        Span<byte> keys = stackalloc byte[2 * Session.KeyLength];
        var reason = _initiator.Read(message, _node.Identity, keys);
        if (reason is DropReason.None)
        {
            // The session keeps the index of the initiation.
            var session = NewSession(HandshakeRole.Initiator, _initiator.Index, message.Sender, keys, now);
            _initiator.Clear();
            _slots.AddInitiated(session);
            ReceivedAuthentic(now);
            HandshakeDone(session, HandshakeRole.Initiator, now);
        }

        CryptographicOperations.ZeroMemory(keys);
        return reason;
    }

    private Session NewSession(HandshakeRole role, uint local, uint remote, ReadOnlySpan<byte> keys, long now)
    {
        _timers.Set(PeerTimer.Erase, now + _times.Erase);
        return new Session(role, local, remote, keys, now, _node.Options.RejectAfterMessages) { Number = ++_sessionCount };
    }

    private void HandshakeDone(Session session, HandshakeRole role, long now)
    {
        LastHandshake = now;
        _tries.Stop();
        _timers.Clear(PeerTimer.Handshake);
        ForgetInitiation();
        var isQueueEmpty = _queue.Count == 0;
        SendQueue(session, now);

        // A keep-alive confirms the session: the responder sends nothing in it before a packet of the initiator.
        if (role is HandshakeRole.Initiator && isQueueEmpty)
        {
            SendKeepAlive(now);
        }

        _output.Established(this, role);
    }

    private void ForgetInitiation()
    {
        if (_initiator.IsOutstanding)
        {
            _node.Indices.Release(_initiator.Index);
            _initiator.Clear();
        }
    }
}
