namespace Tailnet.Peer;

/// <summary>
/// Sends a stack's messages to nodes through relays. The stack calls it under its lock, so the implementation must neither block nor call
/// the stack.
/// </summary>
public interface IRelayOutput
{
    /// <summary>Sends a message to a node through a relay.</summary>
    /// <param name="destination">The node.</param>
    /// <param name="region">The home region of the node.</param>
    /// <param name="message">The message. Its memory is valid only during the call.</param>
    /// <returns>False when no relay accepts the message now. The stack drops it, and TCP or the handshake retransmits.</returns>
    bool TrySend(in NodeKey destination, int region, ReadOnlySpan<byte> message);

    /// <summary>Asks for a home relay, at the first dial of an agent. This node is announced when it is connected to one.</summary>
    void ConnectHome();

    /// <summary>Ends a batch of messages: those that were accepted leave now.</summary>
    void Flush();
}
