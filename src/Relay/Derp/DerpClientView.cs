using System.Net;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>A connection as an operator sees it; nothing of what passes through it.</summary>
/// <param name="Id">Its number, which no other connection of the server has or gets.</param>
/// <param name="Key">The client's key.</param>
/// <param name="Remote">The client's address, or null.</param>
/// <param name="Flags">What it is.</param>
/// <param name="Age">How long ago it was let in.</param>
/// <param name="PacketsReceived">Packets that the client sent.</param>
/// <param name="BytesReceived">Their bytes.</param>
/// <param name="PacketsSent">Packets sent to the client.</param>
/// <param name="BytesSent">Their bytes.</param>
/// <param name="QueuePackets">Packets that wait for it.</param>
/// <param name="QueueBytes">Bytes of memory in which they wait.</param>
/// <param name="Dropped">Packets for it that its queue lost.</param>
public sealed record DerpClientView(
    long Id,
    NodeKey Key,
    IPEndPoint? Remote,
    PeerFlags Flags,
    TimeSpan Age,
    long PacketsReceived,
    long BytesReceived,
    long PacketsSent,
    long BytesSent,
    int QueuePackets,
    long QueueBytes,
    long Dropped);
