using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>
/// The answers of one authority. Answers are cached for a while, concurrent questions about the same client share one request,
/// and the number of requests at once is limited.
/// </summary>
internal sealed partial class AdmissionAnswers : IDisposable
{
    /// <summary>Requests at once. More wait, within their timeout.</summary>
    public const int MaxAsks = 64;

    // Separate sets, so that strangers with invented keys cannot evict clients that are admitted.
    private const int MaxCached = 16_384;

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
        _admitted = new ExpiringSet(MaxCached, settings.Cache, time);
        _refused = new ExpiringSet(MaxCached, settings.RefusalCache, time);
    }

    /// <summary>The source of the answers.</summary>
    public AdmissionSource Source => _authority.Source;

    /// <summary>The answer about a client, from the cache if possible.</summary>
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

    /// <summary>A fresh answer about a client; the cache is not read.</summary>
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

    // Not cancelled with one connection, since others wait for the same request.
    private async Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest client)
    {
        // The caller holds the lock until the first await.
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
            // A timeout, or the node stops.
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
