namespace Edge.Derp;

/// <summary>What a node does with DERP (<c>Relay:Derp:Mode</c>).</summary>
internal enum DerpMode
{
    /// <summary>DERP ends here, in the node's own relay.</summary>
    Serve,

    /// <summary>DERP goes on to the API servers, like their other streams.</summary>
    Forward,

    /// <summary>There is none: its paths are API paths like any other.</summary>
    Off,
}
