namespace Relay.Derp.Connections;

/// <summary>
/// The receivers that got packets in a batch, each of which is drained once at the end; and the receiver whose lock is held for a sequence
/// of packets. A value lives for one batch, on one thread.
/// </summary>
internal ref struct ReceiverBatch
{
    [ThreadStatic]
    private static List<DerpOutbox>? _spare;

    private List<DerpOutbox>? _outboxes;
    private DerpOutbox? _held;

    /// <summary>Takes the lock of a receiver, and releases the lock held before.</summary>
    public void Hold(DerpOutbox outbox)
    {
        if (ReferenceEquals(_held, outbox))
        {
            return;
        }

        Release();
        if (_outboxes is null)
        {
            // A nested batch on this thread, within a flush, finds no spare list and creates its own.
            _outboxes = _spare ?? new List<DerpOutbox>();
            _spare = null;
        }

        if (!_outboxes.Contains(outbox))
        {
            _outboxes.Add(outbox);
        }

        outbox.Enter();
        _held = outbox;
    }

    /// <summary>Releases the lock that is held, if any.</summary>
    public void Release()
    {
        _held?.Exit();
        _held = null;
    }

    /// <summary>Ends the batch: drains each receiver.</summary>
    public void Flush()
    {
        Release();
        if (_outboxes is null)
        {
            return;
        }

        foreach (var outbox in _outboxes)
        {
            outbox.Drain();
        }

        _outboxes.Clear();
        _spare = _outboxes;
        _outboxes = null;
    }
}
