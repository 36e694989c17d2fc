using Tailnet.Coordination.Shared;

namespace Tailnet.Coordination;

/// <content>What is read from the database, and the resynchronisation after news may have been missed.</content>
internal sealed partial class CoordinatorCore
{
    /// <summary>The most ids of one read.</summary>
    public const int MaxRead = 1000;

    private readonly HashSet<Guid> _toRead = [];
    private readonly HashSet<Guid> _toFindOpeners = [];
    private readonly HashSet<Guid> _ownServers = [];
    private Guid _generation;
    private Guid _server;
    private long _round;
    private long _reads;
    private int _readsUnderWay;
    private bool _isDeaf = true;
    private bool _isResyncing;
    private bool _missedNews;

    /// <summary>Whether news may be missing, so that <see cref="Resync"/> is to be called: at most once a second.</summary>
    public bool NeedsResync
    {
        get
        {
            lock (_lock)
            {
                return _missedNews;
            }
        }
    }

    /// <summary>Whether all news arrives, and what was missed before has been read.</summary>
    public bool IsWell
    {
        get
        {
            lock (_lock)
            {
                return CanJudge;
            }
        }
    }

    private bool CanJudge => sharing is not null && !_isDeaf && !_missedNews && !_isResyncing;

    /// <summary>
    /// Begins as a server of this generation of the tables. In another generation, or under another id because this server was fenced,
    /// all connections are claimed again.
    /// </summary>
    /// <param name="generation">The generation of the tables.</param>
    /// <param name="server">The id of this incarnation of the server.</param>
    public void Start(Guid generation, Guid server)
    {
        lock (_lock)
        {
            if (_generation == generation && _server == server)
            {
                return;
            }

            _ownServers.Add(server);
            _server = server;
            if (_generation != generation)
            {
                // Rows and frames of the earlier generation no longer exist. What is known of peers stays until it is in doubt.
                _generation = generation;
                _ends.Clear();
                _heard.Clear();
                ReadAll();
            }

            foreach (var (id, peer) in _peers)
            {
                _claiming[id] = peer;
            }

            sharing!.WorkWaits();
        }
    }

    /// <summary>The listener has failed: nobody is judged until <see cref="Resync"/> is done.</summary>
    public void Deafen()
    {
        lock (_lock)
        {
            _isDeaf = true;
        }
    }

    /// <summary>News may be missing: a frame could not be opened, or a server was fenced, whose last frames may be lost.</summary>
    public void MissNews()
    {
        lock (_lock)
        {
            MissedNews();
        }
    }

    /// <summary>Reads all that concerns the local peers again. The listener works.</summary>
    public void Resync()
    {
        lock (_lock)
        {
            _isDeaf = false;
            ReadAll();
        }
    }

    /// <summary>Returns the next ids to read; null when there are none. Several reads may be under way.</summary>
    public PendingRead? TakeRead()
    {
        lock (_lock)
        {
            if (_generation == Guid.Empty)
            {
                return null;
            }

            PendingRead? read = null;
            if (_toFindOpeners.Count > 0)
            {
                var ids = _toFindOpeners.Take(MaxRead).ToArray();
                _toFindOpeners.ExceptWith(ids);
                read = new OpenersRead(_round, ids);
            }
            else if (_toRead.Count > 0)
            {
                var ids = _toRead.Take(MaxRead).ToArray();
                _toRead.ExceptWith(ids);
                var known = ids.Where(_registers.ContainsKey).Select(id => (id, _registers[id].Node.Version));
                read = new RowsRead(_round, ++_reads, [.. known]);
            }

            _readsUnderWay += read is null ? 0 : 1;
            return read;
        }
    }

    /// <summary>Takes the rows that were found. A peer without a row is in doubt.</summary>
    public void Answer(RowsRead read, IReadOnlyDictionary<Guid, PeerRow> rows)
    {
        lock (_lock)
        {
            if (!EndRead(read))
            {
                return;
            }

            var now = sharing!.Time.GetTimestamp();
            foreach (var (id, version) in read.Peers)
            {
                if (!_registers.TryGetValue(id, out var register))
                {
                    continue;
                }

                if (register.ReadAfter <= read.Number)
                {
                    register.ReadAfter = 0;
                }

                if (rows.TryGetValue(id, out var row))
                {
                    register.EndDoubt();
                    Merge(
                        id,
                        NewPart(id, new StateVersion(row.Epoch, row.Version), row.Node ?? default, row.State, row.Server),
                        new SetPart(new StateVersion(row.Epoch, row.TunnelsVersion), row.Targets));
                }
                else if (version.Epoch != 0 && version == register.Node.Version && !_peers.ContainsKey(id))
                {
                    register.Doubt(now);
                }

                DropUnneeded(id);
            }

            FinishResync();
        }
    }

    /// <summary>Takes the peers that have opened tunnels to the local peers that were asked for.</summary>
    public void Answer(OpenersRead read, IReadOnlyCollection<Guid> openers)
    {
        lock (_lock)
        {
            if (EndRead(read))
            {
                foreach (var id in openers)
                {
                    MakeRegister(id);
                }

                FinishResync();
            }
        }
    }

    /// <summary>The read failed: it is to be done again.</summary>
    public void Fail(PendingRead read)
    {
        lock (_lock)
        {
            if (!EndRead(read))
            {
                return;
            }

            if (read is OpenersRead openers)
            {
                _toFindOpeners.UnionWith(openers.Targets.Where(_peers.ContainsKey));
            }
            else if (read is RowsRead rows)
            {
                _toRead.UnionWith(rows.Peers.Select(static peer => peer.Id).Where(_registers.ContainsKey));
            }

            sharing!.WorkWaits();
        }
    }

    private bool EndRead(PendingRead read)
    {
        if (read.Round != _round)
        {
            return false;
        }

        _readsUnderWay--;
        return true;
    }

    private void FinishResync() => _isResyncing &= _readsUnderWay > 0 || _toRead.Count > 0 || _toFindOpeners.Count > 0;

    private void MissedNews()
    {
        _missedNews = true;
        sharing!.WorkWaits();
    }

    private void ReadAll()
    {
        // Answers of earlier reads are from before what was missed.
        _round++;
        _readsUnderWay = 0;
        _missedNews = false;
        _toFindOpeners.Clear();
        _toFindOpeners.UnionWith(_peers.Keys);
        foreach (var (id, register) in _registers)
        {
            Want(id, register);
        }

        _isResyncing = _toRead.Count > 0 || _toFindOpeners.Count > 0;
        sharing!.WorkWaits();
    }

    /// <summary>Has a register read. It is kept until then.</summary>
    private void Want(Guid id, PeerRegister register)
    {
        register.IsUnread = false;
        register.ReadAfter = _reads + 1;
        _toRead.Add(id);
        sharing!.WorkWaits();
    }
}
