namespace Tailnet.Ip.Tcp;

/// <summary>The parameters of the sending half that the handshake has negotiated or measured.</summary>
/// <param name="Origin">The sequence number after this side's SYN.</param>
/// <param name="Segment">Bytes of data in a full segment.</param>
/// <param name="Scale">The shift of the peer's windows; 0 when window scaling was not negotiated.</param>
/// <param name="Window">The window of the SYN-ACK in bytes, which is never scaled.</param>
/// <param name="WindowSequence">The sequence number of the SYN-ACK.</param>
/// <param name="HasSack">Whether the SYN-ACK had SACK-permitted.</param>
/// <param name="HasTimestamps">Whether both sides send timestamps.</param>
/// <param name="LostSyn">Whether the SYN was retransmitted.</param>
/// <param name="Rtt">The round-trip time that the handshake has measured.</param>
internal readonly record struct TcpSenderSetup(
    uint Origin,
    int Segment,
    int Scale,
    int Window,
    uint WindowSequence,
    bool HasSack,
    bool HasTimestamps,
    bool LostSyn,
    RttEstimator Rtt);
