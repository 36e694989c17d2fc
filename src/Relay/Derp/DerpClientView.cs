using System.Net;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>The operator's view of a connection: counts, and no packet contents.</summary>
/// <param name="Id">The connection's number, unique within the server's lifetime.</param>
/// <param name="Key">The client's key.</param>
/// <param name="Remote">The client's address, or null.</param>
/// <param name="Flags">The kind of client.</param>
/// <param name="Age">The time since admission.</param>
/// <param name="PacketsReceived">Packets from the client.</param>
/// <param name="BytesReceived">Bytes of these packets.</param>
/// <param name="PacketsSent">Packets sent to the client.</param>
/// <param name="BytesSent">Bytes of these packets.</param>
/// <param name="QueuePackets">Packets in the client's queue.</param>
/// <param name="QueueBytes">Bytes of memory that the queue holds.</param>
/// <param name="Dropped">Packets that the queue has dropped.</param>
/// <param name="IsInProcess">Whether the client runs in the relay's own process. Admission does not decide about it.</param>
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
    long Dropped,
    bool IsInProcess);
