using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Mesh;

/// <summary>The outbox of a link to another server of the mesh.</summary>
internal sealed class MeshOutbox(IDerpOutput output, SendQueue queue, DerpTotals totals) : DerpOutbox(output, queue, totals)
{
    private ulong _pong;
    private bool _isPongDue;

    protected override bool HasControl => _isPongDue;

    public void QueuePong(ulong data)
    {
        Enter();
        (_pong, _isPongDue) = (data, true);
        Exit();
        Drain();
    }

    protected override int ComposeControl(Span<byte> destination)
    {
        _isPongDue = false;
        return DerpFrames.Ping(destination, DerpFrameType.Pong, _pong);
    }
}
