using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// What a watcher has been told, and which keys may have changed since. Only the difference is sent, so that each PeerPresent is
/// followed by one PeerGone whatever happened in between, and a watcher that reads slowly owes no more than a mark per key: there is
/// no backlog to bound. Not for concurrent use.
/// </summary>
internal sealed class PresenceFeed(DerpRegistry registry)
{
    private readonly HashSet<NodeKey> _told = [];
    private readonly HashSet<NodeKey> _marked = [];
    private readonly Queue<NodeKey> _changes = new();

    public bool HasChanges => _changes.Count > 0;

    public void Mark(in NodeKey key)
    {
        if (_marked.Add(key))
        {
            _changes.Enqueue(key);
        }
    }

    /// <summary>Writes what has changed, as much as fits.</summary>
    public int Compose(Span<byte> destination)
    {
        var written = 0;
        while (destination.Length - written >= DerpFrames.MaxControl && _changes.TryDequeue(out var key))
        {
            _marked.Remove(key);
            var present = registry.Find(key)?.Active;
            if (present is not null && _told.Add(key))
            {
                written += DerpFrames.PeerPresent(destination[written..], key, present.RemoteEndPoint, present.Flags);
            }
            else if (present is null && _told.Remove(key))
            {
                written += DerpFrames.PeerGone(destination[written..], key, PeerGoneReason.Disconnected);
            }
        }

        return written;
    }
}
