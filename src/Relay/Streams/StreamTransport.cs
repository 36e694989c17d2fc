using System.IO.Pipelines;

namespace Relay.Streams;

/// <summary>
/// One end of a stream: a connected byte transport. Its owner disposes it after the relay has returned; the relay itself only ends its
/// output or aborts it.
/// </summary>
public abstract class StreamTransport : IAsyncDisposable
{
    /// <summary>Bytes from the peer. A cancelled read is a hint, never the end.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>Bytes to the peer; a flush ends when the transport has room again.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>
    /// Whether the peer is known to have reset the connection; looked at now and then while nobody reads <see cref="Input"/>. False where
    /// the transport cannot tell; must be cheap and never throw.
    /// </summary>
    public virtual bool IsBroken => false;

    /// <summary>
    /// Whether the peer has ended its bytes, or the connection is over, also behind bytes that nobody has read yet. False where the
    /// transport cannot tell; must be cheap and never throw.
    /// </summary>
    public virtual bool HasEnded => IsBroken;

    /// <summary>
    /// Bytes that the peer has taken out of this system's hands; only its growth counts. 0 where the transport cannot tell: then whole
    /// flushes show that the peer reads. Must be cheap and never throw.
    /// </summary>
    public virtual long Taken => 0;

    /// <summary>
    /// Whether something that was handed on, the end among it, has not been taken by the peer. False where the transport cannot tell; must
    /// be cheap and never throw.
    /// </summary>
    public virtual bool HasUntaken => false;

    /// <summary>
    /// Whether the peer is taken to have vanished: it acknowledges nothing any more. Looked at every
    /// <see cref="StreamRelayOptions.LivenessPeriod"/>, by one thread at a time. False where the transport cannot tell, or sees to it itself; must
    /// be cheap and never throw.
    /// </summary>
    /// <param name="now">A time that only grows.</param>
    public virtual bool HasVanished(TimeSpan now) => false;

    /// <summary>The relay begins to carry it: from now on nothing else does, so that it may complete on the socket threads.</summary>
    public virtual void BeginRelay()
    {
    }

    /// <summary>The relay has carried it to its end.</summary>
    public virtual void EndRelay()
    {
    }

    /// <summary>
    /// Ends the output in order: all that was flushed, then close_notify on TLS, then FIN. Input goes on. Ends soon after <see cref="Abort"/>.
    /// </summary>
    public abstract ValueTask CompleteOutputAsync();

    /// <summary>
    /// Ends both directions at once, with a reset where the transport has one. Pending reads and flushes end. Called from any thread, also
    /// more than once; never throws.
    /// </summary>
    public abstract void Abort();

    /// <summary>Releases the transport, once nobody reads or writes any more.</summary>
    public abstract ValueTask DisposeAsync();
}
