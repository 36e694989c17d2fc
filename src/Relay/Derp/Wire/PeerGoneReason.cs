namespace Relay.Derp.Wire;

/// <summary>Why a peer is said to be gone (derp.md §2.2).</summary>
public enum PeerGoneReason : byte
{
    /// <summary>It left this server, and no other of the mesh has it.</summary>
    Disconnected = 0,

    /// <summary>The server does not know it.</summary>
    NotHere = 1,
}
