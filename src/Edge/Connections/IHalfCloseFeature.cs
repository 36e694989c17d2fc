using Relay.Streams;

namespace Edge.Connections;

/// <summary>
/// What a stream needs of the connection below it: to end it one direction at a time, or hard, and to take it from the HTTP layer. On
/// every connection of a public listener; from an <see cref="HttpContext"/> its features reach it too. Meant for HTTP/1.1 connections.
/// </summary>
internal interface IHalfCloseFeature
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
    /// the transport; not possible where the endpoint does not keep it (<see cref="KeptTls"/>).
    /// </summary>
    /// <param name="session">
    /// Runs, on the thread pool, as soon as the HTTP layer has let go. Does not own the transport, which is closed when it ends. Should hold
    /// nothing of the request.
    /// </param>
    /// <returns>False when the connection has ended meanwhile: there is nobody to serve.</returns>
    bool TryDetach(Func<SocketTransport, Task> session);

    /// <summary>Has the stream's reads and writes complete on the socket threads, for as long as nothing else uses the connection.</summary>
    void BeginStream();

    /// <summary>The opposite of <see cref="BeginStream"/>.</summary>
    void EndStream();

    /// <summary>
    /// Ends the output: when this completes, all that was flushed is in the kernel and the peer will read end of stream after it
    /// (on TLS after a close_notify). The input stays readable. Bytes written later go nowhere. Never throws for a broken connection.
    /// </summary>
    ValueTask CompleteOutputAsync();

    /// <summary>Ends both directions at once; the peer sees a TCP reset, not an end of stream.</summary>
    void Reset();
}
