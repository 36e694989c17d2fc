using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Statistics;

/// <summary>
/// Gathers agents' reports and stores them together, once in <see cref="ControlPlaneOptions.StatsStoreInterval"/>: thousands of agents
/// report all the time, and one transaction for each report would be most of what it costs. What a crash loses is that much.
/// </summary>
internal sealed partial class StatsBuffer : IHostedService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _storing = new(1, 1);
    private readonly StatsStore _store;
    private readonly ControlPlaneOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<StatsBuffer> _logger;
    private readonly ITimer _timer;
    private Dictionary<Guid, StoredReport> _pending = [];

    public StatsBuffer(StatsStore store, ControlPlaneOptions options, TimeProvider time, ILogger<StatsBuffer> logger)
    {
        (_store, _options, _time, _logger) = (store, options, time, logger);
        _timer = time.CreateTimer(_ => _ = StoreAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Takes a report; it is stored soon.</summary>
    public void Add(Guid agentId, AgentReport report)
    {
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            StoreSoon();
            _pending[agentId] = StoredReport.Of(_pending.GetValueOrDefault(agentId), report, now);
        }
    }

    /// <summary>Stores what there is; never throws. What cannot be stored waits for the next time.</summary>
    public async Task StoreAsync()
    {
        await _storing.WaitAsync();
        try
        {
            var taken = Take();
            if (taken.Count > 0)
            {
                await StoreAsync(taken);
            }
        }
        finally
        {
            _storing.Release();
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stores the last reports; the host has closed its listeners by then.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => StoreAsync();

    public void Dispose()
    {
        _timer.Dispose();
        _storing.Dispose();
    }

    private async Task StoreAsync(Dictionary<Guid, StoredReport> taken)
    {
        try
        {
            await _store.AddAsync(taken, CancellationToken.None);
        }
        catch (Exception exception)
        {
            if (exception is not DbException failed || !_store.IsOutage(failed))
            {
                NotStored(_logger, exception);
            }

            lock (_lock)
            {
                StoreSoon();
                foreach (var (agentId, report) in taken)
                {
                    _pending[agentId] = _pending.TryGetValue(agentId, out var newer) ? report.Then(newer) : report;
                }
            }
        }
    }

    private Dictionary<Guid, StoredReport> Take()
    {
        lock (_lock)
        {
            var taken = _pending;
            _pending = [];
            return taken;
        }
    }

    /// <summary>Sets the timer with the first report, so that nothing ticks where nobody reports.</summary>
    private void StoreSoon()
    {
        if (_pending.Count == 0)
        {
            _timer.Change(_options.StatsStoreInterval, Timeout.InfiniteTimeSpan);
        }
    }
}
