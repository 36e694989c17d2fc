namespace Relay.Derp.Queues;

/// <summary>The lanes of one receiver for one kind of packet, and the ring in which they take turns.</summary>
internal sealed class LaneSet
{
    /// <summary>The most lanes. Further senders share them.</summary>
    public const int MaxLanes = 64;

    private Lane?[] _lanes = new Lane?[1];
    private Lane? _last;

    /// <summary>The number of frames in all lanes.</summary>
    public int Count { get; set; }

    /// <summary>The lane that has its turn; null without frames.</summary>
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

                // The lane is empty and leaves the ring. No frames of its sender are left that a frame in a new lane could overtake.
                Unlink(lane);
            }

            return null;
        }
    }

    /// <summary>Whether the ring has exactly one lane.</summary>
    public bool IsAlone => _last is not null && ReferenceEquals(_last.Next, _last);

    /// <summary>Ends the current lane's turn.</summary>
    public void Advance() => _last = _last?.Next;

    /// <summary>Returns the sender's lane. A sender with frames in a lane keeps that lane, so its packets stay in order.</summary>
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
            // The sender may have frames in this shared lane, from a time when all lanes were in use.
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

    /// <summary>Returns the lane that holds the most memory; null without frames.</summary>
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
