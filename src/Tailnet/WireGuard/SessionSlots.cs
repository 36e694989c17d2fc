namespace Tailnet.WireGuard;

/// <summary>
/// The sessions of a peer (wireguard.md §3.2): the current one, the previous one, whose packets may still arrive, and the next one, which
/// the peer has initiated and not confirmed yet.
/// </summary>
/// <param name="indices">Releases the index of a session that ends.</param>
internal sealed class SessionSlots(SessionIndices indices) : IDisposable
{
    private Session? _previous;
    private Session? _current;
    private Session? _next;

    /// <summary>The session in which packets are sent.</summary>
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

    /// <summary>Adds a session that this node initiated. It is current at once: the response proved that the peer has its keys.</summary>
    public void AddInitiated(Session session)
    {
        Drop(ref _previous);
        (_previous, _current) = (_current, session);
    }

    /// <summary>Adds a session that the peer initiated. No packet is sent in it before <see cref="TryConfirm"/>.</summary>
    public void AddAnswered(Session session)
    {
        Drop(ref _next);
        _next = session;
    }

    /// <summary>Handles an authentic packet of the peer in a session.</summary>
    /// <returns>True for the first packet in a session that the peer initiated.</returns>
    public bool TryConfirm(Session session)
    {
        if (!ReferenceEquals(session, _next))
        {
            return false;
        }

        _next = null;
        Drop(ref _previous);

        // When two handshakes have crossed, the session that was made later stays current, and both receive.
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
