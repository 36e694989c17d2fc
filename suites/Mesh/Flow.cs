using System.Buffers.Binary;
using Relay.Derp.Wire;

namespace Mesh;

/// <summary>Packets of one kind from one client to one other: numbered, a few in flight at a time.</summary>
internal sealed class Flow(bool isDisco)
{
    /// <summary>The most packets that are under way.</summary>
    public const int Window = 4;

    private readonly byte[] _packet = [.. isDisco ? DerpPeer.Disco : new byte[100], 0, 0, 0, 0];
    private int _sent;
    private int _last;
    private int _received;
    private int _forgiven;

    public int Received => Volatile.Read(ref _received);

    /// <summary>Packets that never came.</summary>
    public int Lost => Volatile.Read(ref _last) - Received;

    /// <summary>Whether a packet came after a later one.</summary>
    public bool IsReordered { get; private set; }

    public bool IsIdle => Volatile.Read(ref _last) == _sent || _forgiven == _sent;

    /// <summary>Gives up the packets in flight, so that the next may be sent.</summary>
    public void Forgive() => _forgiven = _sent;

    /// <summary>The next packet, when one may be sent.</summary>
    public byte[]? Next()
    {
        if (_sent - Math.Max(Volatile.Read(ref _last), _forgiven) >= Window)
        {
            return null;
        }

        BinaryPrimitives.WriteInt32BigEndian(_packet.AsSpan(_packet.Length - 4), ++_sent);
        return _packet;
    }

    public void Arrived(ReadOnlySpan<byte> packet)
    {
        var number = BinaryPrimitives.ReadInt32BigEndian(packet[^4..]);
        IsReordered |= number <= _last;
        _received++;
        Volatile.Write(ref _last, number);
    }
}

/// <summary>What a client gets from the one that sends to it, by kind.</summary>
internal sealed record Pair(Flow Data, Flow Disco)
{
    public Flow[] Flows => [Data, Disco];

    public void Arrived(ReadOnlySpan<byte> packet) => (DerpProtocol.KindOf(packet) == PacketKind.Disco ? Disco : Data).Arrived(packet);
}
