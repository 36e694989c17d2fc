namespace Edge.Derp.Mesh;

/// <summary>One link of the mesh, as <c>GET /status</c> tells it.</summary>
/// <param name="Peer">The server, as it was configured.</param>
/// <param name="State"><c>up</c> once the peer has accepted the link, <c>down</c>, or <c>self</c> when it is this very server.</param>
/// <param name="Keys">How many keys the peer has announced.</param>
internal sealed record MeshLinkStatus(string Peer, string State, int Keys);
