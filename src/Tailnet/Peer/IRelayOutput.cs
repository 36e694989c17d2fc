namespace Tailnet.Peer;

/// <summary>
/// The way of a shard's messages to the relays. It is called under the shard's lock: it neither blocks nor calls the shard.
/// </summary>
public interface IRelayOutput
{
    /// <summary>Sends a message to a node through a relay.</summary>
    /// <param name="destination">The node.</param>
    /// <param name="region">The home region of the node.</param>
    /// <param name="message">The message; it is the callee's only during the call.</param>
    /// <returns>False when there is no way now: the message is dropped, and TCP or the handshake repeats it.</returns>
    bool TrySend(in NodeKey destination, int region, ReadOnlySpan<byte> message);
}
