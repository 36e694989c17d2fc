using System.Data.Common;
using System.Diagnostics.Metrics;
using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

/// <summary>
/// Whether the database serves requests, for <c>/healthz</c>, <c>/readyz</c> and the log. A probe decides: it runs when somebody asks,
/// when an operation has failed, and each second until the database is well again. Each change of state is one line, however many
/// operations fail meanwhile.
/// </summary>
internal sealed partial class DatabaseHealth : BackgroundService
{
    // Well below the 2 s that an edge gives its probe of /healthz.
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _asked = new(0, 1);
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

    /// <summary>What is wrong with the database now; at most 1.5 s later.</summary>
    public Task<DatabaseFault> CheckAsync()
    {
        lock (_lock)
        {
            // Those who ask at once share one probe.
            return _probe is { IsCompleted: false } running ? running : _probe = Task.Run(ProbeAsync);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _database.Failed = null;
        _meter.Dispose();
        _asked.Dispose();
    }

    /// <summary>Looks again until the database is well, so that its recovery is noticed and logged though nobody asks.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(DatabaseHealth), LookAsync, _time, _logger, stoppingToken);

    private async Task LookAsync(CancellationToken stop)
    {
        while (true)
        {
            await _asked.WaitAsync(stop);
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

        Ask();
    }

    private void Ask()
    {
        lock (_lock)
        {
            if (_asked.CurrentCount == 0)
            {
                _asked.Release();
            }
        }
    }

    private async Task<DatabaseFault> ProbeAsync()
    {
        // A probe that gets no answer goes on in the background; it is cancelled, as far as the driver can do that.
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

        Become(fault, detail);
        return fault;
    }

    private void Become(DatabaseFault fault, string detail)
    {
        lock (_lock)
        {
            var before = _database.Fault;
            _database.Fault = fault;
            if (fault == before)
            {
                if (fault == DatabaseFault.None && _failures > 0)
                {
                    Passed(_logger, _failures, _database.Engine.Name, _detail);
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

                // Connections that are kept may be bad in the same way.
                _database.Engine.CloseIdleConnections();
                if (before == DatabaseFault.None || (fault != DatabaseFault.NoAnswer && before != DatabaseFault.NoAnswer))
                {
                    // Silence takes turns with any other fault: it is no news.
                    Lost(_logger, fault.Describe()!, _database.Engine.Name, detail.Length > 0 ? detail : "a probe says so");
                }
            }
        }

        if (fault != DatabaseFault.None)
        {
            Ask();
        }
    }

    private static string OneLine(Exception exception) => exception.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
