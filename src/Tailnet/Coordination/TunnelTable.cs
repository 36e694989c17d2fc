namespace Tailnet.Coordination;

/// <summary>The open tunnels, indexed from both ends. Not thread-safe: the owner holds a lock.</summary>
internal sealed class TunnelTable
{
    private static readonly HashSet<Guid> None = [];

    private readonly Dictionary<Guid, HashSet<Guid>> _opened = [];
    private readonly Dictionary<Guid, HashSet<Guid>> _reached = [];
    private readonly List<Guid> _neighbours = [];

    public bool IsEmpty => _opened.Count == 0 && _reached.Count == 0;

    public void Add(Guid source, Guid target)
    {
        Of(_opened, source).Add(target);
        Of(_reached, target).Add(source);
    }

    public void Remove(Guid source, Guid target)
    {
        Drop(_opened, source, target);
        Drop(_reached, target, source);
    }

    public void RemoveOpenedBy(Guid source)
    {
        foreach (var target in Opened(source).ToArray())
        {
            Remove(source, target);
        }
    }

    public bool Has(Guid source, Guid target) => _opened.TryGetValue(source, out var targets) && targets.Contains(target);

    public bool Shares(Guid one, Guid other) => Has(one, other) || Has(other, one);

    public int OpenedCount(Guid source) => Opened(source).Count;

    /// <summary>
    /// Returns each peer that shares a tunnel with a peer, once. The table reuses the list: it is valid until the next call.
    /// </summary>
    public List<Guid> Neighbours(Guid id)
    {
        _neighbours.Clear();
        var opened = Opened(id);
        foreach (var other in opened)
        {
            _neighbours.Add(other);
        }

        if (_reached.TryGetValue(id, out var sources))
        {
            foreach (var other in sources)
            {
                if (!opened.Contains(other))
                {
                    _neighbours.Add(other);
                }
            }
        }

        return _neighbours;
    }

    private HashSet<Guid> Opened(Guid source) => _opened.GetValueOrDefault(source) ?? None;

    private static HashSet<Guid> Of(Dictionary<Guid, HashSet<Guid>> table, Guid id)
    {
        if (!table.TryGetValue(id, out var set))
        {
            table.Add(id, set = []);
        }

        return set;
    }

    private static void Drop(Dictionary<Guid, HashSet<Guid>> table, Guid id, Guid other)
    {
        if (table.TryGetValue(id, out var set) && set.Remove(other) && set.Count == 0)
        {
            table.Remove(id);
        }
    }
}
