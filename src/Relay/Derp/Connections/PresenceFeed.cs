using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>
/// The presence that a watcher was sent, and the keys that may have changed since. Only the difference is sent: each PeerPresent has
/// exactly one PeerGone, and a watcher that reads slowly costs one mark per key instead of a growing backlog. Not for concurrent use.
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

    /// <summary>Writes frames for the changes, as many as fit, and returns their size.</summary>
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
