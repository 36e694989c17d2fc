namespace Edge.Drain;

/// <summary>What <c>/readyz</c> answers: not before the listeners stand, not without a healthy backend, not once draining.</summary>
internal sealed class Readiness
{
    private volatile bool _listening;
    private volatile bool _draining;
    private volatile Func<bool> _hasHealthyBackend = static () => true;

    /// <summary>Why the node is not ready, or null when it is.</summary>
    public string? Obstacle =>
        _draining ? "draining"
        : !_listening ? "starting"
        : !_hasHealthyBackend() ? "no healthy backend"
        : null;

    /// <summary>From now on the node is ready only while <paramref name="hasHealthyBackend"/> says so.</summary>
    public void DependOn(Func<bool> hasHealthyBackend) => _hasHealthyBackend = hasHealthyBackend;

    /// <summary>Every listener stands.</summary>
    public void Listening() => _listening = true;

    /// <summary>The node is going away; there is no way back.</summary>
    public void Draining() => _draining = true;
}
