namespace ControlPlane.Connections;

/// <summary>
/// A feature of requests whose connection can carry a stream on the thread where its bytes arrive, which saves a change of threads for each
/// message. Hosts without it serve the same streams, only dearer.
/// </summary>
public interface IStreamThreadFeature
{
    /// <summary>
    /// After the upgrade: reads go on where the bytes arrive. That thread has other connections to serve, so what reads must neither block nor
    /// compute for long. The peer's end is then noticed by reading alone.
    /// </summary>
    void Begin();

    /// <summary>Reads go on where those of requests do again.</summary>
    void End();
}
