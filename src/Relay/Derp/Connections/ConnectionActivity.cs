namespace Relay.Derp.Connections;

/// <summary>
/// What a connection's reader counts, and when the heartbeat has to do something about it. The counts have one writer each, so that
/// relaying costs no interlocked operation.
/// </summary>
internal sealed class ConnectionActivity
{
    private long _discoReceived;
    private long _otherReceived;
    private long _bytesReceived;
    private long _reads;

    public long DiscoReceived => Volatile.Read(ref _discoReceived);

    public long OtherReceived => Volatile.Read(ref _otherReceived);

    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    /// <summary>Grows with every batch that was read.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>When the client was let in.</summary>
    public long Since { get; set; }

    /// <summary>When the next keep-alive is due. The following are the heartbeat's alone.</summary>
    public long KeepAliveAt { get; set; }

    /// <summary>When something was last known to have been read.</summary>
    public long HeardAt { get; set; }

    /// <summary>What <see cref="Reads"/> was then.</summary>
    public long HeardReads { get; set; }

    /// <summary>When a ping was sent that waits for its answer; 0 for none.</summary>
    public long PingedAt { get; set; }

    /// <summary>Since when the client takes no bytes; 0 when it does.</summary>
    public long StuckSince { get; set; }

    /// <summary>How many bytes it had taken then.</summary>
    public long StuckAt { get; set; }

    public void CountRead() => Volatile.Write(ref _reads, _reads + 1);

    public void CountPacket(bool disco, int bytes)
    {
        if (disco)
        {
            Volatile.Write(ref _discoReceived, _discoReceived + 1);
        }
        else
        {
            Volatile.Write(ref _otherReceived, _otherReceived + 1);
        }

        Volatile.Write(ref _bytesReceived, _bytesReceived + bytes);
    }
}
