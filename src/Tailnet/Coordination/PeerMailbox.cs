using Google.Protobuf;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;
using PeerUpdate = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate;

namespace Tailnet.Coordination;

/// <summary>
/// The pending updates for one peer: only the latest state of each source, however often the source has changed. The number of sources
/// that the peer shares a tunnel with, or was told of, bounds the size. Not thread-safe: the coordinator holds its lock.
/// </summary>
internal sealed class PeerMailbox(CoordinatorOptions options)
{
    private readonly Dictionary<Guid, Source> _sources = [];
    private readonly Queue<Source> _changed = new();
    private int _dropped;
    private readonly Queue<string> _errors = new();

    public bool IsEmpty => _changed.Count == 0 && _errors.Count == 0;

    /// <summary>The number of all stored objects; for tests.</summary>
    public int Size => _sources.Count + _changed.Count + _errors.Count;

    /// <summary>Returns false when the node is no news.</summary>
    public bool Node(Guid id, NodeSnapshot node)
    {
        var source = GetOrAdd(id);
        if (source.Gone == Kind.Unspecified && (source.Latest?.Content ?? source.Sent) == node.Content)
        {
            return false;
        }

        node.Hold();
        source.Latest?.Release();
        source.Latest = node;
        source.Gone = Kind.Unspecified;
        Mark(source);
        return true;
    }

    /// <summary>Returns false when the peer knows no such source, or the end of it is waiting already.</summary>
    public bool Gone(Guid id, Kind kind)
    {
        if (!_sources.TryGetValue(id, out var source) || source.Gone != Kind.Unspecified)
        {
            return false;
        }

        source.Latest?.Release();
        source.Latest = null;
        source.Sent = 0;
        source.IsReady = false;
        if (source.IsKnown)
        {
            source.Gone = kind;
            Mark(source);
            return true;
        }

        // The peer was never told of this source, so no update is needed.
        source.IsDropped = true;
        _sources.Remove(id);
        Sweep(source);
        return false;
    }

    /// <summary>Returns false when the peer was not told of the source's node, or was told of its end.</summary>
    public bool Ready(Guid id)
    {
        if (!_sources.TryGetValue(id, out var source) || source.Gone != Kind.Unspecified)
        {
            return false;
        }

        source.IsReady = true;
        Mark(source);
        return true;
    }

    public void Error(string text)
    {
        if (_errors.Count >= options.MaxPendingErrors)
        {
            _errors.Dequeue();
        }

        _errors.Enqueue(text);
    }

    /// <summary>Returns the next response; null without updates.</summary>
    public CoordinateResponse? Take()
    {
        if (IsEmpty)
        {
            return null;
        }

        var response = new CoordinateResponse();
        while (response.PeerUpdates.Count < options.MaxUpdatesPerResponse && _changed.TryDequeue(out var source))
        {
            source.IsQueued = false;
            if (source.IsDropped)
            {
                _dropped--;
            }
            else
            {
                Write(source, response);
            }
        }

        if (response.PeerUpdates.Count == 0)
        {
            if (!_errors.TryDequeue(out var error))
            {
                return null;
            }

            response.Error = error;
        }

        return response;
    }

    private void Write(Source source, CoordinateResponse response)
    {
        if (source.Gone != Kind.Unspecified)
        {
            var reason = source.Gone == Kind.Lost ? "lost" : "disconnected";
            response.PeerUpdates.Add(new PeerUpdate { Id = source.WireId, Kind = source.Gone, Reason = reason });
            _sources.Remove(source.Id);
            source.IsDropped = true;
            return;
        }

        if (source.Latest is { } node)
        {
            if (source.Sent != node.Content)
            {
                response.PeerUpdates.Add(
                    new PeerUpdate { Id = source.WireId, Kind = Kind.Node, Node = node.Message, Reason = "node update" });
                source.Sent = node.Content;
                source.IsKnown = true;
            }

            node.Release();
            source.Latest = null;
        }

        if (source.IsReady)
        {
            source.IsReady = false;
            response.PeerUpdates.Add(new PeerUpdate { Id = source.WireId, Kind = Kind.ReadyForHandshake });
        }
    }

    /// <summary>
    /// Removes dropped sources from the queue, which would otherwise grow while sources come and go and the peer does not read.
    /// </summary>
    private void Sweep(Source dropped)
    {
        _dropped += dropped.IsQueued ? 1 : 0;
        if (_dropped < 64 || _dropped * 2 < _changed.Count)
        {
            return;
        }

        for (var left = _changed.Count; left > 0; left--)
        {
            if (_changed.Dequeue() is { IsDropped: false } source)
            {
                _changed.Enqueue(source);
            }
        }

        _dropped = 0;
    }

    private Source GetOrAdd(Guid id)
    {
        if (!_sources.TryGetValue(id, out var source))
        {
            _sources.Add(id, source = new Source(id));
        }

        return source;
    }

    private void Mark(Source source)
    {
        if (!source.IsQueued)
        {
            source.IsQueued = true;
            _changed.Enqueue(source);
        }
    }

    private sealed class Source(Guid id)
    {
        public Guid Id { get; } = id;

        public ByteString WireId { get; } = PeerIds.Write(id);

        /// <summary>The node that the peer must still receive.</summary>
        public NodeSnapshot? Latest { get; set; }

        /// <summary>The content of the last node that the peer received; 0 for none.</summary>
        public long Sent { get; set; }

        public Kind Gone { get; set; }

        public bool IsReady { get; set; }

        public bool IsKnown { get; set; }

        public bool IsQueued { get; set; }

        public bool IsDropped { get; set; }
    }
}
