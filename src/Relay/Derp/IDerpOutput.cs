namespace Relay.Derp;

/// <summary>
/// The output of a connection. The relay calls it under the connection's lock, on any thread that has a packet for the connection. No
/// method may block.
/// </summary>
public interface IDerpOutput
{
    /// <summary>Whether <see cref="TrySend"/> would accept any bytes.</summary>
    bool IsWritable { get; }

    /// <summary>Sets the callback for each time that the output becomes writable again.</summary>
    /// <param name="callback">Called on any thread, also from within another call. Set once, before the first send.</param>
    void OnWritable(Action callback);

    /// <summary>Accepts bytes to send, as many as fit.</summary>
    /// <param name="bytes">Whole frames, or the rest of one.</param>
    /// <returns>The number of accepted bytes from the start; fewer than all when the output is full.</returns>
    int TrySend(ReadOnlySpan<byte> bytes);

    /// <summary>Ends a batch: the accepted bytes are sent now.</summary>
    void Flush();

    /// <summary>Ends the output. Bytes that were accepted before are still sent if the peer reads them.</summary>
    void Complete();
}
