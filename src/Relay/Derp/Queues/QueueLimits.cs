namespace Relay.Derp.Queues;

/// <summary>How much may wait for one receiver.</summary>
/// <param name="Depth">Packets of one sender and kind.</param>
/// <param name="Bytes">Bytes of memory.</param>
internal sealed record QueueLimits(int Depth, int Bytes);
