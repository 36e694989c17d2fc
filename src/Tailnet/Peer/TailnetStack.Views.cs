namespace Tailnet.Peer;

/// <content>The state for users and operators.</content>
public sealed partial class TailnetStack
{
    /// <summary>The state of an agent.</summary>
    /// <param name="agent">The agent.</param>
    public TailnetPeerState StateOf(Guid agent)
    {
        lock (Context.Gate)
        {
            return _agents.TryGetValue(agent, out var peer) ? peer.State(Context.Now) : TailnetPeerState.Forgotten;
        }
    }

    /// <summary>The path to an agent; null when the stack has no state of it.</summary>
    /// <param name="agent">The agent.</param>
    public AgentPath? Find(Guid agent)
    {
        lock (Context.Gate)
        {
            return _agents.TryGetValue(agent, out var peer) ? PathTo(peer) : null;
        }
    }

    /// <summary>The paths to all agents with state.</summary>
    public IReadOnlyList<(Guid Agent, AgentPath Path)> Paths()
    {
        lock (Context.Gate)
        {
            return [.. _agents.Values.Select(peer => (peer.Agent, PathTo(peer)))];
        }
    }

    /// <summary>The counters and the present size.</summary>
    public TailnetStatistics Statistics()
    {
        lock (Context.Gate)
        {
            var (now, tcp) = (Context.Now, Context.Counters);
            return new TailnetStatistics(
                _agents.Values.CountBy(peer => peer.State(now)).ToDictionary(),
                Context.Connections,
                Context.Buffers.Held,
                Counters.Received,
                Counters.ReceivedBytes,
                Counters.Sent,
                Counters.SentBytes,
                Counters.Initiated,
                Counters.Answered,
                Counters.Drops(tcp),
                new Dictionary<string, long>
                {
                    ["fast"] = tcp.FastRetransmits,
                    ["timeout"] = tcp.TimeoutRetransmits,
                    ["tail_probe"] = tcp.TailProbes,
                    ["spurious"] = tcp.Spurious,
                });
        }
    }

    private AgentPath PathTo(TailnetPeer peer) => new(
        peer.State(Context.Now),
        peer.Home > 0 ? peer.Home : null,
        peer.LastHandshake,
        peer.Host.RoundTrip is var trip and > 0 ? TimeSpan.FromMicroseconds(trip) : null,
        peer.Host.Connections);
}
