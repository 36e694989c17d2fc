namespace Edge.Drain;

/// <summary>What <c>/readyz</c> answers: not before the listeners stand, not while requests would fail, not once draining.</summary>
internal sealed class Readiness
{
    private readonly List<Func<Task<string?>>> _needs = [];
    private volatile bool _listening;
    private volatile bool _draining;
    private Func<string?> _failure = static () => null;

    /// <summary>Why the node is not ready, or null when it is. It is looked at anew each time.</summary>
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
    /// From now on the node is ready only while this returns null. Only before <see cref="Listening"/>; the first reason is the one that is told.
    /// </summary>
    public void DependOn(Func<Task<string?>> need) => _needs.Add(need);

    /// <summary>What is told before all else, because the node ends for it. Only before <see cref="Listening"/>.</summary>
    public void FailWith(Func<string?> failure) => _failure = failure;

    /// <summary>Every listener stands.</summary>
    public void Listening() => _listening = true;

    /// <summary>The node is going away; there is no way back.</summary>
    public void Draining() => _draining = true;
}
