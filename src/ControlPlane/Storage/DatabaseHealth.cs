using System.Data.Common;
using System.Diagnostics.Metrics;
using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

/// <summary>
/// Monitors whether the database serves requests, for <c>/healthz</c>, <c>/readyz</c> and the log. A probe decides. It runs for each health
/// check, after a failed operation, and then each second until the database recovers. The log has one line for each change of state,
/// however many operations fail.
/// </summary>
internal sealed partial class DatabaseHealth : BackgroundService
{
    // Well below the 2 s that an edge gives its probe of /healthz.
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _probeRequested = new(0, 1);
    private readonly Meter _meter = new("ControlPlane");
    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly ILogger<DatabaseHealth> _logger;
    private readonly Counter<long> _failed;
    private Task<DatabaseFault>? _probe;
    private string _detail = "";
    private long _failures;
    private long _lostAt;

    public DatabaseHealth(Database database, TimeProvider time, ILogger<DatabaseHealth> logger)
    {
        (_database, _time, _logger) = (database, time, logger);
        _failed = _meter.CreateCounter<long>(
            "controlplane.database.failures", "{operation}", "Operations that failed because the database did not serve them.");
        _meter.CreateObservableGauge(
            "controlplane.database.healthy",
            () => database.Fault == DatabaseFault.None ? 1 : 0,
            description: "1 while the database serves requests, else 0.");
        database.Failed = Observe;
    }

    /// <summary>Probes the database. Takes at most 1.5 s.</summary>
    public Task<DatabaseFault> CheckAsync()
    {
        lock (_lock)
        {
            // Concurrent callers share one probe.
            return _probe is { IsCompleted: false } running ? running : _probe = Task.Run(ProbeAsync);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _database.Failed = null;
        _meter.Dispose();
        _probeRequested.Dispose();
    }

    /// <summary>Repeats the probe until the database recovers, so that the recovery is logged without a health check.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(DatabaseHealth), MonitorAsync, _time, _logger, stoppingToken);

    private async Task MonitorAsync(CancellationToken stop)
    {
        while (true)
        {
            await _probeRequested.WaitAsync(stop);
            while (await CheckAsync() != DatabaseFault.None)
            {
                await Task.Delay(ProbeInterval, _time, stop);
            }

            await Task.Delay(ProbeInterval, _time, stop);
        }
    }

    private void Observe(DbException exception)
    {
        _failed.Add(1);
        lock (_lock)
        {
            _failures++;
            _detail = OneLine(exception);
        }

        RequestProbe();
    }

    private void RequestProbe()
    {
        lock (_lock)
        {
            if (_probeRequested.CurrentCount == 0)
            {
                _probeRequested.Release();
            }
        }
    }

    private async Task<DatabaseFault> ProbeAsync()
    {
        // A probe that times out may continue in the background: not every driver call can be cancelled.
        using var timeout = new CancellationTokenSource(ProbeTimeout);
        var (fault, detail) = (DatabaseFault.None, "");
        try
        {
            var probe = _database.Engine.ProbeAsync(timeout.Token);
            _ = probe.ContinueWith(
                static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            fault = await probe.WaitAsync(ProbeTimeout);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            (fault, detail) = (DatabaseFault.NoAnswer, FormattableString.Invariant($"no answer within {ProbeTimeout.TotalSeconds} s"));
        }
        catch (DbException exception)
        {
            (fault, detail) = (_database.Engine.FaultOf(exception), OneLine(exception));
            fault = fault == DatabaseFault.None ? DatabaseFault.Failing : fault;
        }
        catch (Exception exception)
        {
            NotProbed(_logger, _database.Engine.Name, exception);
            (fault, detail) = (DatabaseFault.Failing, OneLine(exception));
        }

        SetFault(fault, detail);
        return fault;
    }

    private void SetFault(DatabaseFault fault, string detail)
    {
        lock (_lock)
        {
            var before = _database.Fault;
            _database.Fault = fault;
            if (fault == before)
            {
                if (fault == DatabaseFault.None && _failures > 0)
                {
                    BriefFailures(_logger, _failures, _database.Engine.Name, _detail);
                    _failures = 0;
                }
            }
            else if (fault == DatabaseFault.None)
            {
                Recovered(_logger, _database.Engine.Name, _time.GetElapsedTime(_lostAt).TotalSeconds, _failures);
                _failures = 0;
            }
            else
            {
                _lostAt = before == DatabaseFault.None ? _time.GetTimestamp() : _lostAt;

                // Pooled connections may have the same fault.
                _database.Engine.CloseIdleConnections();

                // During an outage time-outs alternate with the other fault: only the first of them is logged.
                if (before == DatabaseFault.None || (fault != DatabaseFault.NoAnswer && before != DatabaseFault.NoAnswer))
                {
                    Lost(_logger, fault.Describe()!, _database.Engine.Name, detail.Length > 0 ? detail : "according to a probe");
                }
            }
        }

        if (fault != DatabaseFault.None)
        {
            RequestProbe();
        }
    }

    private static string OneLine(Exception exception) => exception.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
