using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Mesh;

/// <summary>What waits to go to another server of the mesh.</summary>
internal sealed class MeshOutbox(IDerpOutput output, SendQueue queue, DerpTotals totals) : DerpOutbox(output, queue, totals)
{
    private ulong _pong;
    private bool _owesPong;

    protected override bool HasControl => _owesPong;

    public void OwePong(ulong data)
    {
        Enter();
        (_pong, _owesPong) = (data, true);
        Exit();
        Drain();
    }

    protected override int ComposeControl(Span<byte> destination)
    {
        _owesPong = false;
        return DerpFrames.Ping(destination, DerpFrameType.Pong, _pong);
    }
}
