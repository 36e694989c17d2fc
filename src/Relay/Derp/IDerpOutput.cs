namespace Relay.Derp;

/// <summary>
/// Where a connection's bytes go. The relay calls it under the connection's lock, from whichever thread has a packet for it,
/// and nothing here may block or wait.
/// </summary>
public interface IDerpOutput
{
    /// <summary>Whether a send would take any bytes.</summary>
    bool IsWritable { get; }

    /// <summary>Called whenever the output has become writable again after it was not; on any thread, inside a call too.</summary>
    /// <param name="callback">What to call. Set once, before the first send.</param>
    void OnWritable(Action callback);

    /// <summary>Takes bytes to send.</summary>
    /// <param name="bytes">Whole frames, or the rest of one.</param>
    /// <returns>How many bytes from the start were taken; fewer than all when the output is full, 0 when it was full already.</returns>
    int TrySend(ReadOnlySpan<byte> bytes);

    /// <summary>Ends a batch: what was taken goes out now.</summary>
    void Flush();

    /// <summary>Ends the output; nothing is sent afterwards. What was taken before is sent if the peer reads it.</summary>
    void Complete();
}
