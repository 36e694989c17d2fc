namespace Relay.Stun;

/// <summary>What became of datagrams, and from which family requests came.</summary>
internal enum StunCount
{
    ReadError,
    NotStun,
    WriteError,
    Success,
    IPv4,
    IPv6,
    Last,
}
