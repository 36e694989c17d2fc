namespace Tailnet.WireGuard;

/// <summary>Which side of a handshake a node was.</summary>
public enum HandshakeRole
{
    /// <summary>It sent the first message.</summary>
    Initiator,

    /// <summary>It answered.</summary>
    Responder,
}
