using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// Gets what a relay sends to a <see cref="DerpClient"/>. The client calls it on the thread that reads the connection, one call at a time,
/// and never after <see cref="DerpClient.RunAsync"/> has ended. A method must not block; it may send. An exception ends the connection and
/// comes out of <see cref="DerpClient.RunAsync"/>.
/// </summary>
public interface IDerpClientHandler
{
    /// <summary>The relay has admitted the client: packets can be sent now.</summary>
    void OnConnected();

    /// <summary>A packet has arrived.</summary>
    /// <param name="source">The sender's key, which the relay vouches for. Only encryption between the peers proves it.</param>
    /// <param name="packet">The packet, up to 64 KiB, empty too. The memory is the handler's only during the call.</param>
    void OnPacket(in NodeKey source, ReadOnlySpan<byte> packet);

    /// <summary>All packets that have arrived together have been handed over. Work for all of them at once belongs here.</summary>
    void OnBatchEnd();

    /// <summary>A peer is no longer connected, or never was. A hint: the peer may be back already.</summary>
    /// <param name="key">The peer's key.</param>
    /// <param name="reason">Whether it left or is not known.</param>
    void OnPeerGone(in NodeKey key, PeerGoneReason reason);

    /// <summary>The relay reports a problem of this connection. The text is whatever the relay has sent.</summary>
    /// <param name="text">The start of the relay's text, 1,024 bytes of it at most; empty when the problem is over.</param>
    void OnHealth(string text);

    /// <summary>The relay is about to restart. The connection ends later, by the relay.</summary>
    /// <param name="reconnectIn">The time before the client should reconnect.</param>
    /// <param name="tryFor">How long the client should try.</param>
    void OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor);
}
