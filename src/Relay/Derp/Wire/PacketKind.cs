namespace Relay.Derp.Wire;

/// <summary>What a relayed packet is; disco goes before everything else.</summary>
public enum PacketKind
{
    /// <summary>A message by which peers look for a direct path.</summary>
    Disco,

    /// <summary>Anything else: WireGuard.</summary>
    Other,
}
