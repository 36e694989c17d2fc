using Google.Protobuf;
using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>
/// A peer's latest node, as bytes. A node message is more than forty objects, and objects that live until the next update make garbage
/// collections expensive. Therefore the message itself is kept only while some peer must still receive it. Not thread-safe: the
/// coordinator holds its lock.
/// </summary>
internal sealed class NodeSnapshot
{
    private static long _lastContent;

    private readonly byte[] _bytes;

    // The position of the node's time, behind its id. Nodes that differ only there have the same content.
    private readonly int _timeStart;
    private readonly int _timeEnd;

    private Node? _message;
    private int _holds;

    /// <param name="node">The node, which nobody changes any more.</param>
    /// <param name="before">The peer's previous node.</param>
    public NodeSnapshot(Node node, NodeSnapshot? before)
    {
        _message = node;
        _bytes = node.ToByteArray();
        _timeStart = node.Id == 0 ? 0 : 1 + CodedOutputStream.ComputeInt64Size(node.Id);
        _timeEnd = _timeStart + (node.AsOf is null ? 0 : 1 + CodedOutputStream.ComputeMessageSize(node.AsOf));
        Content = before is not null && HasContentOf(before, node) ? before.Content : Interlocked.Increment(ref _lastContent);
    }

    private NodeSnapshot(byte[] bytes, Node message)
    {
        _message = message;
        _bytes = bytes;
        Content = Interlocked.Increment(ref _lastContent);
    }

    /// <summary>The encoded node.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>A number that stays the same while the peer repeats the same content, whatever its time; never 0.</summary>
    public long Content { get; }

    /// <summary>The message; call this only between <see cref="Hold"/> and <see cref="Release"/>.</summary>
    public Node Message => _message ??= Parse();

    /// <summary>Returns the snapshot of a node from another server; null when the bytes are no node.</summary>
    public static NodeSnapshot? TryParse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return new NodeSnapshot(bytes.ToArray(), Node.Parser.ParseFrom(bytes.Span));
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>Keeps the message for one more recipient.</summary>
    public void Hold() => _holds++;

    /// <summary>Ends one <see cref="Hold"/>; the last one drops the message.</summary>
    public void Release()
    {
        if (--_holds == 0)
        {
            _message = null;
        }
    }

    private bool HasContentOf(NodeSnapshot before, Node node)
    {
        ReadOnlySpan<byte> rest = _bytes.AsSpan(_timeEnd);
        ReadOnlySpan<byte> beforeRest = before._bytes.AsSpan(before._timeEnd);
        return _bytes.AsSpan(0, _timeStart).SequenceEqual(before._bytes.AsSpan(0, before._timeStart))
            && (rest.SequenceEqual(beforeRest)
                || (rest.Length == beforeRest.Length && MayHaveOtherOrder(node) && AreEqual(before.Parse(), node)));
    }

    // The order of a map's entries differs between senders.
    private static bool MayHaveOtherOrder(Node node) => node.DerpLatency.Count > 1 || node.DerpForcedWebsocket.Count > 1;

    // Their times are not compared.
    private static bool AreEqual(Node one, Node other) =>
        one.Id == other.Id
        && one.PreferredDerp == other.PreferredDerp
        && one.Disco == other.Disco
        && one.Key.Equals(other.Key)
        && one.Addresses.Equals(other.Addresses)
        && one.AllowedIps.Equals(other.AllowedIps)
        && one.Endpoints.Equals(other.Endpoints)
        && one.DerpLatency.Equals(other.DerpLatency)
        && one.DerpForcedWebsocket.Equals(other.DerpForcedWebsocket);

    private Node Parse() => Node.Parser.ParseFrom(_bytes);
}
