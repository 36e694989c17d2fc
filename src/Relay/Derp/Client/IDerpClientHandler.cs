using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// Receives the packets and events of a <see cref="DerpClient"/>. The client calls it on the thread that reads the connection, one call at
/// a time, and never after <see cref="DerpClient.RunAsync"/> has ended. A method must not block; it may send. An exception ends the
/// connection, and <see cref="DerpClient.RunAsync"/> throws it.
/// </summary>
public interface IDerpClientHandler
{
    /// <summary>The relay has admitted the client: packets can be sent now.</summary>
    void OnConnected();

    /// <summary>A packet has arrived.</summary>
    /// <param name="source">The sender's key, as the relay states it. Only encryption between the peers proves it.</param>
    /// <param name="packet">The packet, 0 bytes to 64 KiB. Its memory is valid only during the call.</param>
    void OnPacket(in NodeKey source, ReadOnlySpan<byte> packet);

    /// <summary>Called after the packets of one read. Work for all of them at once belongs here.</summary>
    void OnBatchEnd();

    /// <summary>A peer is connected to the relay. Only clients that watch the relay's connections are told (derp.md §4.2).</summary>
    /// <param name="key">The peer's key.</param>
    void OnPeerPresent(in NodeKey key)
    {
    }

    /// <summary>A peer is no longer connected, or never was. The peer may have reconnected already.</summary>
    /// <param name="key">The peer's key.</param>
    /// <param name="reason">Whether the peer has left, or is not known to the relay.</param>
    void OnPeerGone(in NodeKey key, PeerGoneReason reason);

    /// <summary>The relay reports a problem of this connection. The text is not trusted.</summary>
    /// <param name="text">The start of the relay's text, 1,024 bytes of it at most; empty when the problem is over.</param>
    void OnHealth(string text);

    /// <summary>The relay is about to restart. It closes the connection later.</summary>
    /// <param name="reconnectIn">The time before the client should reconnect.</param>
    /// <param name="tryFor">How long the client should try.</param>
    void OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor);
}
