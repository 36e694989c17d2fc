namespace Tailnet.Peer;

/// <summary>
/// The tunnels that a shard asks the coordinator for. It is called under the shard's lock, in the order of events: it neither blocks nor
/// calls the shard.
/// </summary>
public interface ITunnelOutput
{
    /// <summary>The first dial of an agent: the coordinator is to send its node.</summary>
    /// <param name="agent">The agent.</param>
    void Add(Guid agent);

    /// <summary>The agent has not been used for long, and the shard has forgotten it.</summary>
    /// <param name="agent">The agent.</param>
    void Remove(Guid agent);
}
