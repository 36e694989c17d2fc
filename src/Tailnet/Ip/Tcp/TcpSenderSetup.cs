namespace Tailnet.Ip.Tcp;

/// <summary>What a handshake has agreed on for the sending half.</summary>
/// <param name="Origin">The sequence number after this side's SYN.</param>
/// <param name="Segment">Bytes of data in a full segment.</param>
/// <param name="Scale">The shift of the peer's windows.</param>
/// <param name="Window">The window in the SYN-ACK, which is never scaled.</param>
/// <param name="WindowSequence">The sequence number of the SYN-ACK.</param>
/// <param name="HasSack">The peer understands SACK.</param>
/// <param name="HasTimestamps">Both sides send timestamps.</param>
/// <param name="LostSyn">The SYN was sent more than once.</param>
/// <param name="Rtt">What the handshake has measured.</param>
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
