namespace Tailnet.Ip.Tcp;

/// <summary>Event counters of the connections of one stack.</summary>
internal sealed class TcpCounters
{
    /// <summary>Segments retransmitted in fast recovery, after three duplicate ACKs or SACK.</summary>
    public long FastRetransmits { get; set; }

    /// <summary>Segments retransmitted after a time-out.</summary>
    public long TimeoutRetransmits { get; set; }

    /// <summary>Tail-loss probes sent.</summary>
    public long TailProbes { get; set; }

    /// <summary>Spurious retransmissions that Eifel detection has found (RFC 3522).</summary>
    public long Spurious { get; set; }

    /// <summary>Segments dropped because a sequence number, acknowledgment, timestamp or flag was not acceptable.</summary>
    public long Unacceptable { get; set; }

    /// <summary>Segments whose data was dropped, wholly or in part, because the buffer pool was full.</summary>
    public long NoBuffer { get; set; }
}
