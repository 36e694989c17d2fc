namespace Relay.Derp.Connections;

/// <summary>What became of bytes that a client sent.</summary>
internal enum ReceiveStatus
{
    /// <summary>Whole frames were handled; what is left is the beginning of one.</summary>
    Done,

    /// <summary>The client's or everybody's rate is used up: the rest waits.</summary>
    Wait,

    /// <summary>The connection is to be closed.</summary>
    Close,
}
