using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Edge.Connections;

/// <summary>
/// Ends a connection one direction at a time, or hard. On every connection of a public listener; from an
/// <see cref="HttpContext"/> its features reach it too. Meant for HTTP/1.1 connections whose transport was taken over.
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
    /// Ends the output: when this completes, all that was flushed is in the kernel and the peer will read end of stream after it
    /// (on TLS after a close_notify). The input stays readable. Bytes written later go nowhere. Never throws for a broken connection.
    /// </summary>
    ValueTask CompleteOutputAsync();

    /// <summary>Ends both directions at once; the peer sees a TCP reset, not an end of stream.</summary>
    void Reset();
}

/// <inheritdoc cref="IHalfCloseFeature"/>
internal sealed class HalfClose(ConnectionContext connection, SocketOutput output) : IHalfCloseFeature
{
    private volatile bool _takenOver;

    /// <summary>Whether <see cref="TakeOver"/> was called.</summary>
    public bool IsTakenOver => _takenOver;

    public void TakeOver() => _takenOver = true;

    public async ValueTask CompleteOutputAsync()
    {
        // Looked up now: the handshake comes after this feature.
        if (connection.Features.Get<ISslStreamFeature>()?.SslStream is { } tls)
        {
            await CloseNotifyAsync(tls);
        }

        await output.HalfCloseAsync();
    }

    // Kestrel closes the socket of an aborted connection with a linger time of 0, which is a reset on the wire.
    public void Reset() => connection.Abort(new ConnectionAbortedException("The stream was reset."));

    private async Task CloseNotifyAsync(SslStream tls)
    {
        try
        {
            await tls.ShutdownAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or SocketException)
        {
            // Without a close_notify a plain end would look like a truncation attack (RFC 8446, 6.1): be honest about it.
            connection.Abort(new ConnectionAbortedException("The TLS stream could not be closed.", e));
        }
    }
}
