namespace Edge.Derp.Mesh;

/// <summary>One mesh link in the answer of <c>GET /status</c>.</summary>
/// <param name="Peer">The server's configured address.</param>
/// <param name="State">
/// <c>up</c> once the peer has accepted the link, <c>down</c>, or <c>self</c> when the peer is this server itself.
/// </param>
/// <param name="Keys">Number of keys that the peer has announced.</param>
internal sealed record MeshLinkStatus(string Peer, string State, int Keys);
