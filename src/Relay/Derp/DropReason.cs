namespace Relay.Derp;

/// <summary>Why a packet was lost; a closed set, which is also the metric label (derp.md §3.5).</summary>
public enum DropReason
{
    /// <summary>A client sent to a key that nobody here or in the mesh has.</summary>
    UnknownDest,

    /// <summary>A mesh peer forwarded to a key that nobody here has.</summary>
    UnknownDestOnForward,

    /// <summary>The receiver's connection ended.</summary>
    GoneDisconnected,

    /// <summary>The receiver's queue was full: the oldest packet of the fullest sender went.</summary>
    QueueHead,

    /// <summary>There was no room for the new packet, and none to be made.</summary>
    QueueTail,

    /// <summary>Writing to the receiver failed.</summary>
    WriteError,

    /// <summary>The key has several connections and none of them is active. Kept for its place in dashboards: it does not happen here.</summary>
    DupClient,

    /// <summary>The link to the mesh peer that has the key was down, or it ended while packets waited. derper does not count these.</summary>
    MeshLink,
}

/// <summary>The words for <see cref="DropReason"/> in metrics.</summary>
public static class DropReasons
{
    /// <summary>How many reasons there are.</summary>
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
