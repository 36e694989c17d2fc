namespace Relay.Derp.Queues;

/// <summary>The limits of one receiver's queue.</summary>
/// <param name="Depth">The most packets of one sender and kind.</param>
/// <param name="Bytes">The most bytes of memory.</param>
internal sealed record QueueLimits(int Depth, int Bytes);
