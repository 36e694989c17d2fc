using Tailnet.Ip.Tcp;

namespace Tailnet.Peer;

/// <summary>
/// The agents of a shard by their next deadline: a binary heap in which each agent knows its place, so that a deadline moves without a
/// search and without an allocation.
/// </summary>
internal sealed class DeadlineHeap
{
    private readonly List<TailnetPeer> _peers = [];

    /// <summary>The earliest deadline.</summary>
    public long Next => _peers.Count == 0 ? TcpTimes.Never : _peers[0].Deadline;

    /// <summary>The agent with the earliest deadline.</summary>
    public TailnetPeer First => _peers[0];

    /// <summary>Adds an agent, or moves it to another deadline.</summary>
    public void Set(TailnetPeer peer, long deadline)
    {
        peer.Deadline = deadline;
        if (peer.Place < 0)
        {
            peer.Place = _peers.Count;
            _peers.Add(peer);
        }

        Sink(Rise(peer.Place));
    }

    /// <summary>Takes an agent out.</summary>
    public void Remove(TailnetPeer peer)
    {
        var place = peer.Place;
        if (place < 0)
        {
            return;
        }

        var last = _peers[^1];
        _peers.RemoveAt(_peers.Count - 1);
        peer.Place = -1;
        if (!ReferenceEquals(last, peer))
        {
            Put(place, last);
            Sink(Rise(place));
        }
    }

    private int Rise(int place)
    {
        var peer = _peers[place];
        while (place > 0 && _peers[(place - 1) / 2] is var parent && parent.Deadline > peer.Deadline)
        {
            Put(place, parent);
            place = (place - 1) / 2;
        }

        Put(place, peer);
        return place;
    }

    private void Sink(int place)
    {
        var peer = _peers[place];
        while ((2 * place) + 1 is var child && child < _peers.Count)
        {
            if (child + 1 < _peers.Count && _peers[child + 1].Deadline < _peers[child].Deadline)
            {
                child++;
            }

            if (_peers[child].Deadline >= peer.Deadline)
            {
                break;
            }

            Put(place, _peers[child]);
            place = child;
        }

        Put(place, peer);
    }

    private void Put(int place, TailnetPeer peer)
    {
        _peers[place] = peer;
        peer.Place = place;
    }
}
