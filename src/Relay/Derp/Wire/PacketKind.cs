namespace Relay.Derp.Wire;

/// <summary>The kind of a relayed packet. Disco packets are sent before all others.</summary>
public enum PacketKind
{
    /// <summary>A packet by which peers look for a direct path.</summary>
    Disco,

    /// <summary>Any other packet: WireGuard.</summary>
    Other,
}
