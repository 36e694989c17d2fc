namespace Edge.Derp;

/// <summary>What a node does with DERP connections (<c>Relay:Derp:Mode</c>).</summary>
internal enum DerpMode
{
    /// <summary>The node's own relay serves them.</summary>
    Serve,

    /// <summary>The node forwards them to the API servers, like other streams.</summary>
    Forward,

    /// <summary>The node has no DERP. Its paths are API paths like any other.</summary>
    Off,
}
