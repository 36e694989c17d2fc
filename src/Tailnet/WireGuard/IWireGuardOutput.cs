namespace Tailnet.WireGuard;

/// <summary>Receives what a peer sends and reports. The peer calls it inside of calls of its owner, on the owner's thread.</summary>
public interface IWireGuardOutput
{
    /// <summary>Sends a message to the peer. The implementation must not call the peer.</summary>
    /// <param name="peer">The receiver of the message.</param>
    /// <param name="message">The message. Its memory is valid only during the call.</param>
    void Send(WireGuardPeer peer, ReadOnlySpan<byte> message);

    /// <summary>
    /// Reports a new session, the first one or a rekey. The packets that waited have been sent. The implementation may call <c>Send</c>.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="role">This node's side of the handshake.</param>
    void Established(WireGuardPeer peer, HandshakeRole role);

    /// <summary>Reports that no initiation was answered for 90 s. The packets that waited for a session have been dropped.</summary>
    /// <param name="peer">The peer.</param>
    void GaveUp(WireGuardPeer peer);
}
