using System.IO.Pipelines;

namespace Relay.Streams;

/// <summary>
/// One end of a stream: a connected byte transport. The owner disposes it after the relay has returned; the relay itself only completes
/// the output or aborts the transport.
/// </summary>
public abstract class StreamTransport : IAsyncDisposable
{
    /// <summary>Bytes from the peer. A cancelled read only wakes the reader; it is never the end.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>Bytes to the peer. A flush completes when the transport accepts more bytes.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>
    /// Whether the peer has reset the connection. The relay polls this while it does not read <see cref="Input"/>. False where the
    /// transport cannot tell; must be cheap and never throw.
    /// </summary>
    public virtual bool IsBroken => false;

    /// <summary>
    /// Whether the peer has ended its bytes or the connection is closed, also while bytes before the end are still unread. False where the
    /// transport cannot tell; must be cheap and never throw.
    /// </summary>
    public virtual bool HasEnded => IsBroken;

    /// <summary>
    /// Bytes that the peer has acknowledged; only the growth of this number counts. 0 where the transport cannot tell: then completed
    /// flushes show that the peer reads. Must be cheap and never throw.
    /// </summary>
    public virtual long AcknowledgedBytes => 0;

    /// <summary>
    /// Whether the peer has not acknowledged all bytes that were written, or their end. False where the transport cannot tell; must be
    /// cheap and never throw.
    /// </summary>
    public virtual bool HasUnacknowledged => false;

    /// <summary>
    /// Whether the peer has vanished: it acknowledges nothing any more. The relay calls this every
    /// <see cref="StreamRelayOptions.LivenessPeriod"/>, on one thread at a time. False where the transport cannot tell or handles this
    /// itself; must be cheap and never throw.
    /// </summary>
    /// <param name="now">A monotonic time.</param>
    public virtual bool HasVanished(TimeSpan now) => false;

    /// <summary>
    /// The relay calls this before it reads or writes. From then on the relay is the only user, so reads and flushes may complete on the
    /// socket threads.
    /// </summary>
    public virtual void BeginRelay()
    {
    }

    /// <summary>The relay calls this after its last read and write.</summary>
    public virtual void EndRelay()
    {
    }

    /// <summary>
    /// Ends the output in order: all flushed bytes, close_notify on TLS, FIN. The input stays open. Completes soon after
    /// <see cref="Abort"/>.
    /// </summary>
    public abstract ValueTask CompleteOutputAsync();

    /// <summary>
    /// Ends both directions at once, by a reset where the transport has one. Pending reads and flushes end. Any thread may call this, and
    /// more than once; never throws.
    /// </summary>
    public abstract void Abort();

    /// <summary>Releases the transport, after the last read and write.</summary>
    public abstract ValueTask DisposeAsync();
}
