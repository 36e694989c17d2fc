namespace Relay.Derp.Wire;

/// <summary>What a present peer is (derp.md §2.2).</summary>
[Flags]
public enum PeerFlags : byte
{
    /// <summary>The sender is too old to say.</summary>
    None = 0,

    /// <summary>None of the others.</summary>
    Regular = 1,

    /// <summary>Another server of the mesh, or another holder of the mesh key.</summary>
    MeshPeer = 2,

    /// <summary>A prober.</summary>
    Prober = 4,

    /// <summary>This node is not the first of the client's region.</summary>
    NotIdeal = 8,
}
