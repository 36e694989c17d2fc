namespace Tailnet.Peer;

/// <summary>
/// Receives a stack's requests to the coordinator. The stack calls it under its lock, in the order of events, so the implementation must
/// neither block nor call the stack.
/// </summary>
public interface ITunnelOutput
{
    /// <summary>Requests a tunnel to an agent, at its first dial. The coordinator answers with the agent's node.</summary>
    /// <param name="agent">The agent.</param>
    void Add(Guid agent);

    /// <summary>Ends the tunnel to an agent that the stack has forgotten: it was idle, or was evicted for another one.</summary>
    /// <param name="agent">The agent.</param>
    void Remove(Guid agent);
}
