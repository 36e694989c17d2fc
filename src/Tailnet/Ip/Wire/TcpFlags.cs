namespace Tailnet.Ip.Wire;

/// <summary>The control bits of a TCP header (RFC 9293 §3.1).</summary>
[Flags]
internal enum TcpFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>The sender has no more data to send.</summary>
    Fin = 0x01,

    /// <summary>Opens a connection.</summary>
    Syn = 0x02,

    /// <summary>Ends a connection at once.</summary>
    Rst = 0x04,

    /// <summary>The receiver should deliver the data to the application at once.</summary>
    Psh = 0x08,

    /// <summary>The acknowledgment field is valid.</summary>
    Ack = 0x10,
}
