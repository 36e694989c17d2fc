using Google.Protobuf;
using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>
/// A peer's latest node, as bytes: objects that live until the next update are what makes collecting garbage dear, and a node is a good forty
/// of them. The message itself is there for as long as somebody has still to hear of it. Not safe for threads: the coordinator locks.
/// </summary>
internal sealed class NodeSnapshot
{
    private static long _lastContent;

    private readonly byte[] _bytes;

    // Where the time of the node lies, behind its id: what differs there alone is no news.
    private readonly int _timeStart;
    private readonly int _timeEnd;

    private Node? _message;
    private int _waiting;

    /// <param name="node">Not to be changed any more.</param>
    /// <param name="before">What the peer said before.</param>
    public NodeSnapshot(Node node, NodeSnapshot? before)
    {
        _message = node;
        _bytes = node.ToByteArray();
        _timeStart = node.Id == 0 ? 0 : 1 + CodedOutputStream.ComputeInt64Size(node.Id);
        _timeEnd = _timeStart + (node.AsOf is null ? 0 : 1 + CodedOutputStream.ComputeMessageSize(node.AsOf));
        Content = before is not null && Says(before, node) ? before.Content : Interlocked.Increment(ref _lastContent);
    }

    /// <summary>The same for what a peer says again, whenever it says it; never 0.</summary>
    public long Content { get; }

    /// <summary>The message; only between <see cref="Hold"/> and <see cref="Release"/>.</summary>
    public Node Message => _message ??= Parse();

    /// <summary>Somebody has to hear of it.</summary>
    public void Hold() => _waiting++;

    /// <summary>And has, or need not any more.</summary>
    public void Release()
    {
        if (--_waiting == 0)
        {
            _message = null;
        }
    }

    private bool Says(NodeSnapshot before, Node node)
    {
        ReadOnlySpan<byte> rest = _bytes.AsSpan(_timeEnd);
        ReadOnlySpan<byte> others = before._bytes.AsSpan(before._timeEnd);
        return _bytes.AsSpan(0, _timeStart).SequenceEqual(before._bytes.AsSpan(0, before._timeStart))
            && (rest.SequenceEqual(others)
                || (rest.Length == others.Length && MayHaveOtherOrder(node) && NodeComparer.Same(before.Parse(), node)));
    }

    // Senders write maps in any order.
    private static bool MayHaveOtherOrder(Node node) => node.DerpLatency.Count > 1 || node.DerpForcedWebsocket.Count > 1;

    private Node Parse() => Node.Parser.ParseFrom(_bytes);
}
