using Edge.Derp.Mesh;

namespace Edge.Admin;

/// <summary>The answer of <c>GET /status</c> on the admin listener.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Mode">The node's mode.</param>
/// <param name="Ready"><c>ready</c>, or the reason why the node is not.</param>
/// <param name="UptimeSeconds">Whole seconds since the start.</param>
/// <param name="StreamsOpen">Number of open streams.</param>
/// <param name="Backends">The API servers.</param>
/// <param name="Mesh">The links to the other DERP servers of the mesh.</param>
/// <param name="Tailnet">The tailnet node; null without one.</param>
internal sealed record NodeStatus(
    string Version,
    string Mode,
    string Ready,
    long UptimeSeconds,
    long StreamsOpen,
    IReadOnlyList<BackendStatus> Backends,
    IReadOnlyList<MeshLinkStatus> Mesh,
    TailnetStatus? Tailnet);

/// <summary>The tailnet node, by which the API server reaches agents.</summary>
/// <param name="HomeRegion">The DERP region through which agents reach this node; 0 before the first dial.</param>
/// <param name="ConnectedRegions">The DERP regions to whose relay this node is connected.</param>
/// <param name="Agents">The agents with a tunnel, most connections first, 1,000 at most.</param>
internal sealed record TailnetStatus(int HomeRegion, IReadOnlyList<int> ConnectedRegions, IReadOnlyList<AgentStatus> Agents);

/// <summary>The path to one agent.</summary>
/// <param name="Id">The agent's id.</param>
/// <param name="State"><c>no_node</c>, <c>connecting</c>, <c>up</c> or <c>quiet</c>.</param>
/// <param name="HomeRegion">The DERP region through which the agent is reached; null while its node is not known.</param>
/// <param name="LastHandshake">When the last WireGuard handshake succeeded; null when none has.</param>
/// <param name="RoundTripMilliseconds">The last measured round trip; null when none was measured.</param>
/// <param name="Connections">Open TCP connections.</param>
internal sealed record AgentStatus(
    Guid Id, string State, int? HomeRegion, DateTimeOffset? LastHandshake, double? RoundTripMilliseconds, int Connections);

/// <summary>The state of one API server.</summary>
/// <param name="Cluster">YARP's cluster id.</param>
/// <param name="Destination">The server's URL, or its name in a <c>ReverseProxy</c> section.</param>
/// <param name="Healthy">Whether the server is available for requests.</param>
internal sealed record BackendStatus(string Cluster, string Destination, bool Healthy);
