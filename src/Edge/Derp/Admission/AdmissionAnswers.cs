using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>
/// The answers of one authority: remembered for a while, asked for once by all who wait for the same one, and for so many clients at once.
/// </summary>
internal sealed partial class AdmissionAnswers : IDisposable
{
    /// <summary>Questions under way at once; more wait, within their time.</summary>
    public const int MaxAsks = 64;

    // Yes and no apart, so that strangers with invented keys do not push out those who are known.
    private const int MaxRemembered = 16_384;

    private readonly IAdmissionAuthority _authority;
    private readonly TimeSpan _timeout;
    private readonly AdmissionMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _places = new(MaxAsks);
    private readonly Lock _lock = new();
    private readonly Dictionary<DerpAdmissionRequest, Task<AdmissionVerdict>> _asks = [];
    private readonly ExpiringSet _admitted;
    private readonly ExpiringSet _refused;
    private bool _isFailing;

    public AdmissionAnswers(
        IAdmissionAuthority authority, DerpAdmissionSettings settings, AdmissionMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_authority, _timeout, _metrics, _time, _logger) = (authority, settings.Timeout, metrics, time, logger);
        _admitted = new ExpiringSet(MaxRemembered, settings.Cache, time);
        _refused = new ExpiringSet(MaxRemembered, settings.RefusalCache, time);
    }

    /// <summary>Who answers.</summary>
    public AdmissionSource Source => _authority.Source;

    /// <summary>The answer about a client, a remembered one if there is one.</summary>
    public ValueTask<AdmissionVerdict> GetAsync(DerpAdmissionRequest client)
    {
        client = Question(client);
        lock (_lock)
        {
            return _admitted.Contains(client) ? new(AdmissionVerdict.Admitted)
                : _refused.Contains(client) ? new(AdmissionVerdict.Refused)
                : new(Ask(client));
        }
    }

    /// <summary>The answer about a client as it is now.</summary>
    public Task<AdmissionVerdict> AskAgainAsync(DerpAdmissionRequest client)
    {
        lock (_lock)
        {
            return Ask(Question(client));
        }
    }

    public void Dispose()
    {
        _authority.Dispose();
        _places.Dispose();
    }

    private DerpAdmissionRequest Question(DerpAdmissionRequest client) =>
        _authority.LooksAtAddress || client.Source is null ? client : client with { Source = null };

    private Task<AdmissionVerdict> Ask(DerpAdmissionRequest client)
    {
        if (!_asks.TryGetValue(client, out var ask))
        {
            _asks[client] = ask = AskAsync(client);
        }

        return ask;
    }

    // Not bound to one connection, since others wait for it too.
    private async Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest client)
    {
        // The caller holds the lock until this has begun to wait.
        await Task.Yield();
        var start = _time.GetTimestamp();
        var verdict = AdmissionVerdict.Unreachable;
        try
        {
            using var deadline = new CancellationTokenSource(_timeout, _time);
            await _places.WaitAsync(deadline.Token);
            try
            {
                verdict = await _authority.AskAsync(client, deadline.Token);
            }
            finally
            {
                _places.Release();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Too slow, or the node stops: no answer.
            verdict = AdmissionVerdict.Unreachable;
        }
        finally
        {
            Remember(client, verdict);
        }

        _metrics.Asked(Source, _time.GetElapsedTime(start));
        return verdict is AdmissionVerdict.Unreachable && _authority.FailsOpen ? AdmissionVerdict.FailOpen : verdict;
    }

    private void Remember(DerpAdmissionRequest client, AdmissionVerdict verdict)
    {
        var fails = verdict is AdmissionVerdict.Unreachable or AdmissionVerdict.Unusable;
        bool changed;
        lock (_lock)
        {
            _asks.Remove(client);
            changed = fails != _isFailing;
            _isFailing = fails;
            if (!fails)
            {
                var (now, before) = verdict is AdmissionVerdict.Admitted ? (_admitted, _refused) : (_refused, _admitted);
                now.Add(client);
                before.Remove(client);
            }
        }

        if (changed && fails)
        {
            LogFails(Source, verdict);
        }
        else if (changed)
        {
            LogAnswers(Source);
        }
    }
}
