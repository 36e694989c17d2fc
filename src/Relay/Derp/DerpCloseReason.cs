namespace Relay.Derp;

/// <summary>Why a DERP connection ended; a closed set, which is also the metric label and the log field.</summary>
public enum DerpCloseReason
{
    /// <summary>The client ended it.</summary>
    ClientClosed = 0,

    /// <summary>The connection broke.</summary>
    Aborted,

    /// <summary>The handshake took longer than allowed.</summary>
    HandshakeTimeout,

    /// <summary>The first frame was no ClientInfo that opens, or the key was refused as no key.</summary>
    BadHandshake,

    /// <summary>The admission rules said no.</summary>
    NotAdmitted,

    /// <summary>A limit of connections was reached.</summary>
    TooManyConnections,

    /// <summary>A frame had a length or a content that is not allowed.</summary>
    ProtocolError,

    /// <summary>A frame that needs the mesh key came without it.</summary>
    NotMeshPeer,

    /// <summary>The client did not read for as long as allowed.</summary>
    WriteTimeout,

    /// <summary>The client answered no ping.</summary>
    PingTimeout,

    /// <summary>A mesh peer asked for it.</summary>
    ClosedByPeer,

    /// <summary>The host ended it: the key is no longer admitted.</summary>
    Revoked,

    /// <summary>The host ended it: it stops.</summary>
    Drained,

    /// <summary>The mesh link leads to this very server.</summary>
    Self,
}

/// <summary>The words for <see cref="DerpCloseReason"/> in metrics and logs.</summary>
public static class DerpCloseReasons
{
    internal const int Count = (int)DerpCloseReason.Self + 1;

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
        DerpCloseReason.Self => "self",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
