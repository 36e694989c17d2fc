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
internal sealed record NodeStatus(
    string Version,
    string Mode,
    string Ready,
    long UptimeSeconds,
    long StreamsOpen,
    IReadOnlyList<BackendStatus> Backends,
    IReadOnlyList<MeshLinkStatus> Mesh);

/// <summary>The state of one API server.</summary>
/// <param name="Cluster">YARP's cluster id.</param>
/// <param name="Destination">The server's URL, or its name in a <c>ReverseProxy</c> section.</param>
/// <param name="Healthy">Whether the server is available for requests.</param>
internal sealed record BackendStatus(string Cluster, string Destination, bool Healthy);
