namespace Relay.Derp.Queues;

/// <summary>The lanes of one kind of packet of one receiver: who has one, and whose turn it is.</summary>
internal sealed class LaneSet
{
    /// <summary>The most lanes; further senders share them.</summary>
    public const int MaxLanes = 64;

    private Lane?[] _lanes = new Lane?[1];
    private Lane? _last;

    /// <summary>Frames that wait.</summary>
    public int Count { get; set; }

    /// <summary>The lane from which the next frame comes, or null when there is none.</summary>
    public Lane? Current
    {
        get
        {
            while (_last is not null)
            {
                var lane = _last.Next!;
                if (lane.Count > 0)
                {
                    return lane;
                }

                // Emptied: its sender gives it up. Its frames are gone, so a new lane cannot overtake any.
                Unlink(lane);
            }

            return null;
        }
    }

    /// <summary>Whether no other lane waits for its turn.</summary>
    public bool IsAlone => _last is not null && ReferenceEquals(_last.Next, _last);

    /// <summary>Ends the current lane's turn.</summary>
    public void Advance() => _last = _last?.Next;

    /// <summary>The sender's lane. While a sender has frames in one, it stays in it, which keeps its packets in order.</summary>
    public Lane Find(ulong sender)
    {
        var free = -1;
        for (var i = 0; i < _lanes.Length; i++)
        {
            var lane = _lanes[i];
            if (lane is null || !lane.IsLinked)
            {
                free = free < 0 ? i : free;
            }
            else if (lane.Sender == sender)
            {
                return lane;
            }
        }

        var home = (int)(sender % MaxLanes);
        if (home < _lanes.Length && _lanes[home] is { IsLinked: true, IsShared: true } shared)
        {
            // The sender may have frames in there from when all lanes were taken.
            return shared;
        }

        if (free < 0 && _lanes.Length < MaxLanes)
        {
            free = _lanes.Length;
            Array.Resize(ref _lanes, _lanes.Length * 4);
        }

        if (free < 0)
        {
            _lanes[home]!.IsShared = true;
            return _lanes[home]!;
        }

        var own = _lanes[free] ??= new Lane();
        (own.Sender, own.IsShared) = (sender, false);
        Link(own);
        return own;
    }

    /// <summary>The lane that holds the most memory, or null when none holds a frame.</summary>
    public Lane? Fullest()
    {
        Lane? fullest = null;
        foreach (var lane in _lanes)
        {
            if (lane is { Count: > 0 } && lane.Held > (fullest?.Held ?? 0))
            {
                fullest = lane;
            }
        }

        return fullest;
    }

    private void Link(Lane lane)
    {
        lane.IsLinked = true;
        if (_last is null)
        {
            lane.Next = lane;
        }
        else
        {
            lane.Next = _last.Next;
            _last.Next = lane;
        }

        _last = lane;
    }

    private void Unlink(Lane lane)
    {
        if (ReferenceEquals(lane, _last))
        {
            _last = null;
        }
        else
        {
            _last!.Next = lane.Next;
        }

        (lane.IsLinked, lane.Next) = (false, null);
    }
}
