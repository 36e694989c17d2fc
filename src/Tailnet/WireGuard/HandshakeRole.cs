namespace Tailnet.WireGuard;

/// <summary>The side that a node had in a handshake.</summary>
public enum HandshakeRole
{
    /// <summary>The node sent the initiation.</summary>
    Initiator,

    /// <summary>The node sent the response.</summary>
    Responder,
}
