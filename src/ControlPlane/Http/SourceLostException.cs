namespace ControlPlane.Http;

/// <summary>The source of a WebSocket's messages is lost, which is no error of the server.</summary>
/// <param name="reason">The reason for the client.</param>
/// <param name="cause">The cause.</param>
internal sealed class SourceLostException(string reason, Exception cause) : Exception(reason, cause);
