namespace Tailnet.Ip.Tcp;

/// <summary>
/// Where packets go: a packet is written in place, into the buffer in which WireGuard will seal it. Both methods are called under the
/// connections' lock, one after the other.
/// </summary>
internal interface IPacketOutput
{
    /// <summary>
    /// A region for one packet, of at least the MTU; empty when nothing can be sent now, and the owner calls again when it can.
    /// </summary>
    Span<byte> Begin();

    /// <summary>The region begins with a packet of so many bytes; 0 gives the region back.</summary>
    void Commit(int length);
}
