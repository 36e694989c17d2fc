namespace Tailnet.Ip.Tcp;

/// <summary>
/// The output for packets. A packet is written in place, into the buffer in which WireGuard encrypts it. The stack calls both methods under
/// the lock, <see cref="Commit"/> after each <see cref="Begin"/> that was not empty.
/// </summary>
internal interface IPacketOutput
{
    /// <summary>
    /// A region for one packet, of at least the MTU. It is empty when the output is blocked; the owner calls <see cref="PeerHost.Send"/>
    /// again when it is not.
    /// </summary>
    Span<byte> Begin();

    /// <summary>Sends the first <paramref name="length"/> bytes of the region as a packet; 0 discards the region.</summary>
    void Commit(int length);
}
