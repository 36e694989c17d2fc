using System.Collections.Immutable;

namespace Tailnet.Coordination;

/// <summary>
/// The open tunnels, indexed from both ends. The set of one peer is an immutable value, which other owners may keep. Not thread-safe: the
/// coordinator holds its lock.
/// </summary>
internal sealed class TunnelTable
{
    private readonly Dictionary<Guid, ImmutableHashSet<Guid>> _opened = [];
    private readonly Dictionary<Guid, HashSet<Guid>> _reached = [];
    private readonly List<Guid> _neighbours = [];

    public bool IsEmpty => _opened.Count == 0 && _reached.Count == 0;

    public void Add(Guid source, Guid target)
    {
        _opened[source] = Opened(source).Add(target);
        AddReached(source, target);
    }

    public void Remove(Guid source, Guid target)
    {
        Set(source, Opened(source).Remove(target));
        RemoveReached(source, target);
    }

    /// <summary>Replaces all tunnels that a peer has opened.</summary>
    public void Put(Guid source, ImmutableHashSet<Guid> targets)
    {
        var before = Opened(source);
        if (ReferenceEquals(before, targets))
        {
            return;
        }

        foreach (var target in before)
        {
            if (!targets.Contains(target))
            {
                RemoveReached(source, target);
            }
        }

        foreach (var target in targets)
        {
            if (!before.Contains(target))
            {
                AddReached(source, target);
            }
        }

        Set(source, targets);
    }

    public bool Has(Guid source, Guid target) => _opened.TryGetValue(source, out var targets) && targets.Contains(target);

    public bool Shares(Guid one, Guid other) => Has(one, other) || Has(other, one);

    /// <summary>Returns the targets of the tunnels that a peer has opened.</summary>
    public ImmutableHashSet<Guid> Opened(Guid source) => _opened.GetValueOrDefault(source) ?? [];

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

    private void Set(Guid source, ImmutableHashSet<Guid> targets)
    {
        if (targets.IsEmpty)
        {
            _opened.Remove(source);
        }
        else
        {
            _opened[source] = targets;
        }
    }

    private void AddReached(Guid source, Guid target)
    {
        if (!_reached.TryGetValue(target, out var sources))
        {
            _reached.Add(target, sources = []);
        }

        sources.Add(source);
    }

    private void RemoveReached(Guid source, Guid target)
    {
        if (_reached.TryGetValue(target, out var sources) && sources.Remove(source) && sources.Count == 0)
        {
            _reached.Remove(target);
        }
    }
}
