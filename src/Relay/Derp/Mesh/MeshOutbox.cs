using Relay.Derp.Client;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Mesh;

/// <summary>
/// The outbox of a link to another server of the mesh. Unlike the outbox of other clients it queues packets, fairly by sender, as those to
/// this server's own clients: thousands of clients share the link, and a receiver's batch adds packets under the outbox's lock.
/// </summary>
internal sealed class MeshOutbox(IDerpOutput output, SendQueue queue, DerpTotals totals)
    : DerpOutbox(output, queue, totals), IDerpClientOutbox
{
    private DerpClientControl _control;
    private volatile bool _isOpen;

    public bool IsOpen => _isOpen;

    protected override bool HasControl => _control.IsDue;

    /// <summary>Sends ClientInfo, and the request to be told of the peer's connections.</summary>
    public void SendLogin(ReadOnlySpan<byte> frame)
    {
        Span<byte> watch = stackalloc byte[DerpProtocol.HeaderLength];
        DerpFrames.Empty(watch, DerpFrameType.WatchConns);
        SendFirst((byte[])[.. frame, .. watch]);
        Drain();
    }

    public void Open() => _isOpen = true;

    public void QueuePong(ulong data)
    {
        using (EnterScope())
        {
            _control.Pong(data);
        }
    }

    public void SendPing(ulong data)
    {
        using (EnterScope())
        {
            _control.Ping(data);
        }

        Drain();
    }

    public void Flush() => Drain();

    public void Close()
    {
        _isOpen = false;
        Close(DropReason.MeshLink);
    }

    protected override int ComposeControl(Span<byte> destination) => _control.Compose(destination);
}
