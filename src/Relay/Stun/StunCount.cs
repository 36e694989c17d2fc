namespace Relay.Stun;

/// <summary>The counters: datagrams by result, and requests by address family.</summary>
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
