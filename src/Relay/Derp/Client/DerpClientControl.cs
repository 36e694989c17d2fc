using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>The control frames that a client has to send: at most one of each kind, the latest. Guarded by the outbox's lock.</summary>
internal struct DerpClientControl
{
    private ulong _pong;
    private ulong _ping;
    private bool _isPongDue;
    private bool _isPingDue;
    private bool _isHome;
    private bool _isHomeDue;

    /// <summary>Whether any frame is due.</summary>
    public readonly bool IsDue => _isPongDue || _isPingDue || _isHomeDue;

    /// <summary>Sets the answer to a ping.</summary>
    public void Pong(ulong data) => (_pong, _isPongDue) = (data, true);

    /// <summary>Sets a ping.</summary>
    public void Ping(ulong data) => (_ping, _isPingDue) = (data, true);

    /// <summary>Sets a NotePreferred.</summary>
    public void NotePreferred(bool home) => (_isHome, _isHomeDue) = (home, true);

    /// <summary>Writes the frames that are due. None is due afterwards.</summary>
    /// <param name="destination">At least <see cref="DerpFrames.MaxControl"/> bytes.</param>
    /// <returns>The number of bytes written.</returns>
    public int Compose(Span<byte> destination)
    {
        var at = 0;
        at += _isHomeDue ? DerpFrames.NotePreferred(destination, _isHome) : 0;
        at += _isPongDue ? DerpFrames.Ping(destination[at..], DerpFrameType.Pong, _pong) : 0;
        at += _isPingDue ? DerpFrames.Ping(destination[at..], DerpFrameType.Ping, _ping) : 0;
        _isHomeDue = _isPongDue = _isPingDue = false;
        return at;
    }
}
