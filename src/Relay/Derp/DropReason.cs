namespace Relay.Derp;

/// <summary>Why a packet was lost (derp.md §3.5). A closed set: it is also the metric label.</summary>
public enum DropReason
{
    /// <summary>A client sent the packet to a key that no client here or in the mesh has.</summary>
    UnknownDest,

    /// <summary>A mesh peer forwarded the packet to a key that no client here has.</summary>
    UnknownDestOnForward,

    /// <summary>The receiver's connection ended.</summary>
    GoneDisconnected,

    /// <summary>The receiver's queue was full, and this was the oldest packet of the fullest lane.</summary>
    QueueHead,

    /// <summary>There was no space for the new packet, and no older packet to drop for it.</summary>
    QueueTail,

    /// <summary>derper: a write to the receiver failed. Exists for dashboards; does not happen here.</summary>
    WriteError,

    /// <summary>derper: the key has several connections and none is active. Exists for dashboards; does not happen here.</summary>
    DupClient,

    /// <summary>The link to the mesh peer was down, or ended while the packet waited. derper does not count these.</summary>
    MeshLink,
}

/// <summary>The labels of <see cref="DropReason"/> in metrics.</summary>
public static class DropReasons
{
    /// <summary>The number of reasons.</summary>
    internal const int Count = (int)DropReason.MeshLink + 1;

    /// <summary>The reason as derper's metric label.</summary>
    /// <param name="reason">A reason.</param>
    public static string Label(this DropReason reason) => reason switch
    {
        DropReason.UnknownDest => "unknown_dest",
        DropReason.UnknownDestOnForward => "unknown_dest_on_fwd",
        DropReason.GoneDisconnected => "gone_disconnected",
        DropReason.QueueHead => "queue_head",
        DropReason.QueueTail => "queue_tail",
        DropReason.WriteError => "write_error",
        DropReason.DupClient => "dup_client",
        DropReason.MeshLink => "mesh_link",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
