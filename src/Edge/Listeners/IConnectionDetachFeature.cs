using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// Lets a stream take its connection from the HTTP layer. Every connection of a public listener has this feature, and so
/// has its <see cref="HttpContext"/>. Only for HTTP/1.1 connections.
/// </summary>
internal interface IConnectionDetachFeature
{
    /// <summary>
    /// Marks the transport as a stream's. Without this call Kestrel's HTTP layer completes the output and cancels
    /// <c>RequestAborted</c> as soon as the client ends its own direction. After it, the client's end of stream no longer ends
    /// the connection, and <c>RequestAborted</c> is not cancelled. Call it before the upgrade is answered, and before the
    /// transport is used.
    /// </summary>
    void TakeOver();

    /// <summary>
    /// Detaches the socket from the HTTP layer, which then sees the connection as ended. The request's handler has to return
    /// next. The memory of the HTTP layer is freed while the stream lives. A TLS session stays, as a part of the transport
    /// (<see cref="TlsHandoverMiddleware"/>).
    /// </summary>
    /// <param name="session">
    /// The stream. It runs on the thread pool after the HTTP layer has ended. It does not own the transport, which is closed
    /// after it. It should hold no reference to the request.
    /// </param>
    /// <returns>False when the connection has ended meanwhile.</returns>
    bool TryDetach(Func<SocketTransport, Task> session);
}
