using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// Takes a connection from the HTTP layer, for a stream. Every connection of a public listener has it, and an
/// <see cref="HttpContext"/> its features too. Meant for HTTP/1.1 connections.
/// </summary>
internal interface IConnectionDetachFeature
{
    /// <summary>
    /// Says that the transport now belongs to a stream: the client's end of stream is then no longer the end of the connection. Call it
    /// before the transport is used, and before the upgrade is answered; without it Kestrel's HTTP layer completes the output, and
    /// cancels <c>RequestAborted</c>, as soon as the client ends its own direction. After it, <c>RequestAborted</c> is not cancelled any more.
    /// </summary>
    void TakeOver();

    /// <summary>
    /// Takes the socket from the HTTP layer, which believes from now on that the connection has ended; return from the request's handler
    /// next. What the HTTP layer does not need any more is freed while the stream lives. On TLS the session stays below, and is part of
    /// the transport (<see cref="TlsHandoverMiddleware"/>).
    /// </summary>
    /// <param name="session">
    /// Runs, on the thread pool, as soon as the HTTP layer has let go. Does not own the transport, which is closed when it ends. Should hold
    /// nothing of the request.
    /// </param>
    /// <returns>False when the connection has ended meanwhile: there is nobody to serve.</returns>
    bool TryDetach(Func<SocketTransport, Task> session);
}
