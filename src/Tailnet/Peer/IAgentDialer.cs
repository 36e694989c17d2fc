using Tailnet.Ip.Tcp;

namespace Tailnet.Peer;

/// <summary>Opens TCP connections to agents over the tailnet. The caller has checked that its user may reach the agent.</summary>
public interface IAgentDialer
{
    /// <summary>Connects to a TCP port of an agent.</summary>
    /// <param name="agent">The agent's id.</param>
    /// <param name="port">The port.</param>
    /// <param name="timeout">The time-out of the dial.</param>
    /// <param name="cancellation">Cancels the dial, but not the stream.</param>
    /// <exception cref="DialException">The dial failed, for the reason in <see cref="DialException.Failure"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation);

    /// <summary>Measures the round trip to an agent inside the tunnel (TSMP), which reaches the agent but none of its ports.</summary>
    /// <param name="agent">The agent's id.</param>
    /// <param name="timeout">The time-out, of the tunnel's start too.</param>
    /// <param name="cancellation">Cancels the ping.</param>
    /// <exception cref="DialException">The agent did not answer, for the reason in <see cref="DialException.Failure"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation);

    /// <summary>The path to an agent; null when this node has no tunnel to it.</summary>
    /// <param name="agent">The agent's id.</param>
    AgentPath? Find(Guid agent);
}

/// <summary>This node's path to an agent.</summary>
/// <param name="State">What this node does for the agent.</param>
/// <param name="HomeRegion">The DERP region through which the agent is reached; null while its node is not known.</param>
/// <param name="LastHandshake">When the last WireGuard handshake succeeded; null when none has.</param>
/// <param name="RoundTrip">The last measured round trip; null when none was measured.</param>
/// <param name="Connections">The number of open TCP connections.</param>
public sealed record AgentPath(
    TailnetPeerState State, int? HomeRegion, DateTimeOffset? LastHandshake, TimeSpan? RoundTrip, int Connections);
