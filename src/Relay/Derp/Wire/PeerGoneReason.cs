namespace Relay.Derp.Wire;

/// <summary>The reason in a PeerGone (derp.md §2.2).</summary>
public enum PeerGoneReason : byte
{
    /// <summary>The peer has disconnected, and no other server of the mesh has it.</summary>
    Disconnected = 0,

    /// <summary>The server does not know the peer.</summary>
    NotHere = 1,
}
