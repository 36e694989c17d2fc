namespace Relay.Derp.Connections;

/// <summary>
/// The receivers that got packets in a batch, each flushed once at its end, and the one whose lock is held for a run of packets.
/// Lives no longer than a batch, on one thread.
/// </summary>
internal ref struct ReceiverBatch
{
    [ThreadStatic]
    private static List<DerpOutbox>? _spare;

    private List<DerpOutbox>? _outboxes;
    private DerpOutbox? _held;

    /// <summary>Takes the lock of a receiver; the lock held before is given back.</summary>
    public void Hold(DerpOutbox outbox)
    {
        if (ReferenceEquals(_held, outbox))
        {
            return;
        }

        Release();
        if (_outboxes is null)
        {
            // A nested batch on this thread, inside a flush, finds none and makes its own.
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

    /// <summary>Gives back the lock that is held.</summary>
    public void Release()
    {
        _held?.Exit();
        _held = null;
    }

    /// <summary>Ends the batch: everything goes out.</summary>
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
