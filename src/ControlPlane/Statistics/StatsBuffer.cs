using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Statistics;

/// <summary>
/// Buffers agents' reports and stores them in one transaction per <see cref="ControlPlaneOptions.StatsStoreInterval"/>. With thousands of
/// agents, a transaction for each report would be most of a report's cost. A crash loses the reports of one interval.
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

    /// <summary>Adds a report to the buffer.</summary>
    public void Add(Guid agentId, AgentReport report)
    {
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            StartTimerIfEmpty();
            _pending[agentId] = StoredReport.Of(_pending.GetValueOrDefault(agentId), report, now);
        }
    }

    /// <summary>Stores the buffered reports. Reports that cannot be stored return to the buffer. Never throws.</summary>
    public async Task StoreAsync()
    {
        await _storing.WaitAsync();
        try
        {
            var batch = Take();
            if (batch.Count > 0)
            {
                await StoreAsync(batch);
            }
        }
        finally
        {
            _storing.Release();
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stores the last reports. The host has closed its listeners before.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => StoreAsync();

    public void Dispose()
    {
        _timer.Dispose();
        _storing.Dispose();
    }

    private async Task StoreAsync(Dictionary<Guid, StoredReport> batch)
    {
        try
        {
            await _store.AddAsync(batch, CancellationToken.None);
        }
        catch (Exception exception)
        {
            if (exception is not DbException failed || !_store.IsOutage(failed))
            {
                NotStored(_logger, exception);
            }

            lock (_lock)
            {
                StartTimerIfEmpty();
                foreach (var (agentId, report) in batch)
                {
                    _pending[agentId] = _pending.TryGetValue(agentId, out var newer) ? report.MergeWith(newer) : report;
                }
            }
        }
    }

    private Dictionary<Guid, StoredReport> Take()
    {
        lock (_lock)
        {
            var batch = _pending;
            _pending = [];
            return batch;
        }
    }

    /// <summary>Starts the timer before the first report of a batch, so that no timer runs while no agent reports.</summary>
    private void StartTimerIfEmpty()
    {
        if (_pending.Count == 0)
        {
            _timer.Change(_options.StatsStoreInterval, Timeout.InfiniteTimeSpan);
        }
    }
}
