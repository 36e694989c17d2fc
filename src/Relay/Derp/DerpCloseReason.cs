namespace Relay.Derp;

/// <summary>Why a DERP connection ended. A closed set: it is also the metric label and the log field.</summary>
public enum DerpCloseReason
{
    /// <summary>The client ended the connection.</summary>
    ClientClosed = 0,

    /// <summary>The connection broke.</summary>
    Aborted,

    /// <summary>The handshake took longer than <see cref="DerpServerOptions.HandshakeTimeout"/>.</summary>
    HandshakeTimeout,

    /// <summary>The first frame was no valid ClientInfo, or its key was no valid key.</summary>
    BadHandshake,

    /// <summary>The admission rules refused the client.</summary>
    NotAdmitted,

    /// <summary>A limit of connections was reached.</summary>
    TooManyConnections,

    /// <summary>A frame had a forbidden length or content.</summary>
    ProtocolError,

    /// <summary>A client without the mesh key sent a frame that requires it.</summary>
    NotMeshPeer,

    /// <summary>The client read nothing for <see cref="DerpServerOptions.WriteTimeout"/>.</summary>
    WriteTimeout,

    /// <summary>The client answered no ping.</summary>
    PingTimeout,

    /// <summary>A mesh peer requested the close.</summary>
    ClosedByPeer,

    /// <summary>The host closed the connection because the key is no longer admitted.</summary>
    Revoked,

    /// <summary>The host closed the connection because the server stops.</summary>
    Drained,
}

/// <summary>The labels of <see cref="DerpCloseReason"/> in metrics and logs.</summary>
public static class DerpCloseReasons
{
    internal const int Count = (int)DerpCloseReason.Drained + 1;

    /// <summary>The reason as a metric label.</summary>
    /// <param name="reason">A reason.</param>
    public static string Label(this DerpCloseReason reason) => reason switch
    {
        DerpCloseReason.ClientClosed => "client_closed",
        DerpCloseReason.Aborted => "aborted",
        DerpCloseReason.HandshakeTimeout => "handshake_timeout",
        DerpCloseReason.BadHandshake => "bad_handshake",
        DerpCloseReason.NotAdmitted => "not_admitted",
        DerpCloseReason.TooManyConnections => "too_many_connections",
        DerpCloseReason.ProtocolError => "protocol_error",
        DerpCloseReason.NotMeshPeer => "not_mesh_peer",
        DerpCloseReason.WriteTimeout => "write_timeout",
        DerpCloseReason.PingTimeout => "ping_timeout",
        DerpCloseReason.ClosedByPeer => "closed_by_peer",
        DerpCloseReason.Revoked => "revoked",
        DerpCloseReason.Drained => "drained",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
