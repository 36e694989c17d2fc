namespace ControlPlane.Connections;

/// <summary>
/// A request feature for streams that run on the I/O thread of their connection. That saves a thread switch for each message. Without the
/// feature, a stream works the same way at a higher cost.
/// </summary>
public interface IStreamThreadFeature
{
    /// <summary>
    /// Moves the continuations of reads to the connection's I/O thread; called after the upgrade. The thread serves other connections too,
    /// so the reader must neither block nor compute for long. From then on only a read notices that the peer has closed the connection.
    /// </summary>
    void Begin();

    /// <summary>Moves the continuations of reads back to the request's thread.</summary>
    void End();
}
