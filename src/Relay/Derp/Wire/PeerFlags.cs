namespace Relay.Derp.Wire;

/// <summary>The kind of a peer in PeerPresent (derp.md §2.2).</summary>
[Flags]
public enum PeerFlags : byte
{
    /// <summary>Unknown: an old server sends no flags.</summary>
    None = 0,

    /// <summary>An ordinary client: no other flag is set.</summary>
    Regular = 1,

    /// <summary>Another server of the mesh, or another client with the mesh key.</summary>
    MeshPeer = 2,

    /// <summary>A prober.</summary>
    Prober = 4,

    /// <summary>The client would prefer another server of its region.</summary>
    NotIdeal = 8,
}
