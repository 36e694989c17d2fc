using System.Net;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>A connection as an operator sees it; nothing of what passes through it.</summary>
/// <param name="Key">The client's key.</param>
/// <param name="Remote">The client's address, or null.</param>
/// <param name="Flags">What it is.</param>
/// <param name="PacketsReceived">Packets that the client sent.</param>
/// <param name="BytesReceived">Their bytes.</param>
/// <param name="PacketsSent">Packets sent to the client.</param>
/// <param name="BytesSent">Their bytes.</param>
/// <param name="QueueBytes">Bytes of memory in which packets wait for it.</param>
public sealed record DerpClientView(
    NodeKey Key, IPEndPoint? Remote, PeerFlags Flags, long PacketsReceived, long BytesReceived, long PacketsSent, long BytesSent, long QueueBytes);
