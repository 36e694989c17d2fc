namespace Tailnet.Ip.Tcp;

/// <summary>What the connections of one lock have counted.</summary>
internal sealed class TcpCounters
{
    /// <summary>Segments sent again after three duplicate acknowledgments or SACK.</summary>
    public long FastRetransmits { get; set; }

    /// <summary>Segments sent again after a time-out.</summary>
    public long TimeoutRetransmits { get; set; }

    /// <summary>Tail-loss probes.</summary>
    public long TailProbes { get; set; }

    /// <summary>Losses that were none.</summary>
    public long Spurious { get; set; }

    /// <summary>Segments dropped because they failed a check of their numbers.</summary>
    public long Unacceptable { get; set; }

    /// <summary>Segments dropped because the buffers of all connections are full.</summary>
    public long NoBuffer { get; set; }
}
