namespace Relay.Derp.Connections;

/// <summary>
/// The counts of a connection's reader, and the heartbeat's times for the connection. Each count has one writer, so relaying needs no
/// interlocked operation.
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

    /// <summary>The number of batches read.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>The time of admission, as a timestamp of the clock.</summary>
    public long Since { get; set; }

    /// <summary>When the next keep-alive is due. Only the heartbeat uses this and the following properties.</summary>
    public long KeepAliveAt { get; set; }

    /// <summary>When the heartbeat last saw that <see cref="Reads"/> had grown.</summary>
    public long HeardAt { get; set; }

    /// <summary>The value of <see cref="Reads"/> at that time.</summary>
    public long HeardReads { get; set; }

    /// <summary>When a ping without an answer was sent; 0 for none.</summary>
    public long PingedAt { get; set; }

    /// <summary>Since when the client reads no bytes; 0 while it reads.</summary>
    public long StuckSince { get; set; }

    /// <summary>The value of <see cref="DerpOutbox.Taken"/> at that time.</summary>
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
