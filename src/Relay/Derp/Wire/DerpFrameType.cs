namespace Relay.Derp.Wire;

/// <summary>The types of frames (derp.md §2.2).</summary>
public enum DerpFrameType : byte
{
    /// <summary>Not a frame.</summary>
    None = 0,

    /// <summary>Server to client, first: magic and the server's public key.</summary>
    ServerKey = 0x01,

    /// <summary>Client to server: public key, nonce, box of JSON.</summary>
    ClientInfo = 0x02,

    /// <summary>Server to client: nonce, box of JSON.</summary>
    ServerInfo = 0x03,

    /// <summary>Client to server: destination key, packet.</summary>
    SendPacket = 0x04,

    /// <summary>Server to client: source key, packet.</summary>
    RecvPacket = 0x05,

    /// <summary>Server to client: empty.</summary>
    KeepAlive = 0x06,

    /// <summary>Client to server: one byte, 1 if this server is the client's home relay.</summary>
    NotePreferred = 0x07,

    /// <summary>Server to client: key, <see cref="PeerGoneReason"/>.</summary>
    PeerGone = 0x08,

    /// <summary>Server to watcher: key, address, port, <see cref="PeerFlags"/>.</summary>
    PeerPresent = 0x09,

    /// <summary>Mesh peer to server: source key, destination key, packet.</summary>
    ForwardPacket = 0x0a,

    /// <summary>Mesh peer to server: requests PeerPresent and PeerGone of all clients.</summary>
    WatchConns = 0x10,

    /// <summary>Mesh peer to server: the key whose connections the server closes.</summary>
    ClosePeer = 0x11,

    /// <summary>Either way: eight bytes.</summary>
    Ping = 0x12,

    /// <summary>Either way: the ping's eight bytes.</summary>
    Pong = 0x13,

    /// <summary>Server to client: a text about a problem, empty when healthy.</summary>
    Health = 0x14,

    /// <summary>Server to client: milliseconds before the client reconnects, milliseconds for which it tries.</summary>
    Restarting = 0x15,
}
