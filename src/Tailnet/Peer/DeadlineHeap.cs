using Tailnet.Ip.Tcp;

namespace Tailnet.Peer;

/// <summary>
/// A binary min-heap of a stack's agents by next deadline. Each agent stores its index in the heap, so a change of its deadline needs
/// neither a search nor an allocation.
/// </summary>
internal sealed class DeadlineHeap
{
    private readonly List<TailnetPeer> _peers = [];

    /// <summary>The earliest deadline, in microseconds of the TCP clock; <see cref="TcpTimes.Never"/> when the heap is empty.</summary>
    public long Next => _peers.Count == 0 ? TcpTimes.Never : _peers[0].Deadline;

    /// <summary>The agent with the earliest deadline.</summary>
    public TailnetPeer First => _peers[0];

    /// <summary>Adds an agent, or moves it to another deadline.</summary>
    public void Set(TailnetPeer peer, long deadline)
    {
        peer.Deadline = deadline;
        if (peer.HeapIndex < 0)
        {
            peer.HeapIndex = _peers.Count;
            _peers.Add(peer);
        }

        SiftDown(SiftUp(peer.HeapIndex));
    }

    /// <summary>Removes an agent, if it is in the heap.</summary>
    public void Remove(TailnetPeer peer)
    {
        var index = peer.HeapIndex;
        if (index < 0)
        {
            return;
        }

        var last = _peers[^1];
        _peers.RemoveAt(_peers.Count - 1);
        peer.HeapIndex = -1;
        if (!ReferenceEquals(last, peer))
        {
            Put(index, last);
            SiftDown(SiftUp(index));
        }
    }

    private int SiftUp(int index)
    {
        var peer = _peers[index];
        while (index > 0 && _peers[(index - 1) / 2] is var parent && parent.Deadline > peer.Deadline)
        {
            Put(index, parent);
            index = (index - 1) / 2;
        }

        Put(index, peer);
        return index;
    }

    private void SiftDown(int index)
    {
        var peer = _peers[index];
        while ((2 * index) + 1 is var child && child < _peers.Count)
        {
            if (child + 1 < _peers.Count && _peers[child + 1].Deadline < _peers[child].Deadline)
            {
                child++;
            }

            if (_peers[child].Deadline >= peer.Deadline)
            {
                break;
            }

            Put(index, _peers[child]);
            index = child;
        }

        Put(index, peer);
    }

    private void Put(int index, TailnetPeer peer)
    {
        _peers[index] = peer;
        peer.HeapIndex = index;
    }
}
