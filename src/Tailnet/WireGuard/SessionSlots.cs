namespace Tailnet.WireGuard;

/// <summary>
/// The sessions of a peer (wireguard.md §3.2): the one to send with, the one before it, whose packets may still arrive, and one that the
/// peer has begun and not used yet.
/// </summary>
/// <param name="indices">Where the index of a session that ends goes back to.</param>
internal sealed class SessionSlots(SessionIndices indices) : IDisposable
{
    private Session? _previous;
    private Session? _current;
    private Session? _next;

    /// <summary>The session to send with.</summary>
    public Session? Current => _current;

    public Session? Find(uint localIndex)
    {
        if (_current?.LocalIndex == localIndex)
        {
            return _current;
        }

        if (_previous?.LocalIndex == localIndex)
        {
            return _previous;
        }

        return _next?.LocalIndex == localIndex ? _next : null;
    }

    /// <summary>Takes a session that we initiated: the response has proved that the peer has it too.</summary>
    public void AddInitiated(Session session)
    {
        Drop(ref _previous);
        (_previous, _current) = (_current, session);
    }

    /// <summary>Takes a session that the peer initiated. It cannot be sent with before <see cref="TryConfirm"/>.</summary>
    public void AddAnswered(Session session)
    {
        Drop(ref _next);
        _next = session;
    }

    /// <summary>The peer has sent an authentic packet in the session.</summary>
    /// <returns>True for the first packet in a session that the peer initiated.</returns>
    public bool TryConfirm(Session session)
    {
        if (!ReferenceEquals(session, _next))
        {
            return false;
        }

        _next = null;
        Drop(ref _previous);

        // When two handshakes have crossed, each side keeps to the later session, and receives in both.
        (_previous, _current) = _current is { } current && current.Number > session.Number ? (session, current) : (_current, session);
        return true;
    }

    public void Clear()
    {
        Drop(ref _previous);
        Drop(ref _current);
        Drop(ref _next);
    }

    public void Dispose() => Clear();

    private void Drop(ref Session? slot)
    {
        if (slot is { } session)
        {
            indices.Release(session.LocalIndex);
            session.Dispose();
            slot = null;
        }
    }
}
