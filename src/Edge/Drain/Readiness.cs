namespace Edge.Drain;

/// <summary>
/// The state behind <c>/readyz</c>. The node is ready when its listeners are open, its dependencies work, and it does
/// not drain.
/// </summary>
internal sealed class Readiness
{
    private readonly List<Func<Task<string?>>> _needs = [];
    private volatile bool _listening;
    private volatile bool _draining;
    private Func<string?> _failure = static () => null;

    /// <summary>The reason why the node is not ready; null when it is ready. Every call checks it again.</summary>
    public async Task<string?> NotReadyReasonAsync()
    {
        if (_failure() is { } failure)
        {
            return failure;
        }

        if (_draining || !_listening)
        {
            return _draining ? "draining" : "starting";
        }

        foreach (var need in _needs)
        {
            if (await need() is { } reason)
            {
                return reason;
            }
        }

        return null;
    }

    /// <summary>
    /// Makes the node ready only while this returns null. Must be called before <see cref="Listening"/>. The first reason is reported.
    /// </summary>
    public void DependOn(Func<Task<string?>> need) => _needs.Add(need);

    /// <summary>
    /// Sets the reason that is reported before all others, because the node stops for it. Must be called before <see
    /// cref="Listening"/>.
    /// </summary>
    public void FailWith(Func<string?> failure) => _failure = failure;

    /// <summary>Reports that all listeners are open.</summary>
    public void Listening() => _listening = true;

    /// <summary>Reports that the node is stopping, which is final.</summary>
    public void Draining() => _draining = true;
}
