namespace Tailnet.WireGuard;

/// <summary>What a peer hands to its owner, within the owner's own calls and on their thread.</summary>
public interface IWireGuardOutput
{
    /// <summary>A message goes to the peer. The callee does not call the peer.</summary>
    /// <param name="peer">The peer that it is for.</param>
    /// <param name="message">The message; it is the callee's only during the call.</param>
    void Send(WireGuardPeer peer, ReadOnlySpan<byte> message);

    /// <summary>
    /// A session has begun, the first or another. What waited for one has been sent. The callee may call <c>Send</c> of the peer.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="role">Our side of the handshake.</param>
    void Established(WireGuardPeer peer, HandshakeRole role);

    /// <summary>No initiation was answered for 90 s. What waited for a session has been dropped.</summary>
    /// <param name="peer">The peer.</param>
    void GaveUp(WireGuardPeer peer);
}
