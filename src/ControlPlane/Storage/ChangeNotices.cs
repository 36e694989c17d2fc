using System.Collections.Concurrent;
using System.Data.Common;
using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

/// <summary>
/// Sends notices of changes to the other API servers on the same PostgreSQL database, and receives theirs. On SQLite it does nothing. A
/// lost notice only delays a change, since waiting code also queries the database from time to time.
/// </summary>
internal sealed partial class ChangeNotices(Database database, TimeProvider time, ILogger<ChangeNotices> logger) : BackgroundService
{
    // The most notices in one statement.
    private const int MaxBatch = 256;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly string _self = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<string, Signals> _kinds = new();
    private readonly Lock _lock = new();

    // A set: a burst of changes with the same id becomes one notice.
    private readonly HashSet<(string Kind, Guid Id)> _pending = [];
    private Task _sending = Task.CompletedTask;
    private bool _isSending;

    /// <summary>Registers the signals that notices of a kind wake.</summary>
    public void Add(string kind, Signals signals) => _kinds[kind] = signals;

    /// <summary>Queues a notice to the other API servers, and returns at once.</summary>
    public void Publish(string kind, Guid id)
    {
        if (database.Engine.Notices is not { } notices)
        {
            return;
        }

        lock (_lock)
        {
            _pending.Add((kind, id));
            if (!_isSending)
            {
                _isSending = true;
                _sending = Task.Run(() => SendAsync(notices));
            }
        }
    }

    /// <summary>Sends the queued notices, and stops listening.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        Task sending;
        lock (_lock)
        {
            sending = _sending;
        }

        await Task.WhenAny(sending, Task.Delay(Timeout.Infinite, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    /// <summary>Receives notices until the stop.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(ChangeNotices), ListenAsync, time, logger, stoppingToken);

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        if (database.Engine.Notices is not { } notices)
        {
            return;
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await notices.ListenAsync(WakeAll, Receive, stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                if (!database.IsOutage(exception))
                {
                    NotListening(logger, exception);
                }

                database.Observe(exception);
            }
            catch (Exception)
            {
                // Any exception after the stop is its effect.
                return;
            }

            await Task.WhenAny(Task.Delay(RetryAfter, time, stoppingToken));
        }
    }

    private async Task SendAsync(PostgresNotices notices)
    {
        while (TakeBatch() is { } texts)
        {
            try
            {
                await notices.SendAsync(texts);
            }
            catch (Exception exception) when (exception is DbException or ObjectDisposedException)
            {
                if (!database.IsOutage(exception))
                {
                    NotSent(logger, exception);
                }

                database.Observe(exception);
            }
        }
    }

    private string[]? TakeBatch()
    {
        lock (_lock)
        {
            var batch = _pending.Take(MaxBatch).ToArray();
            _isSending = batch.Length > 0;
            _pending.ExceptWith(batch);
            return batch.Length > 0 ? [.. batch.Select(notice => $"{_self} {notice.Kind} {notice.Id}")] : null;
        }
    }

    /// <summary>Ignores unknown kinds, which a newer version of the program may send.</summary>
    private void Receive(string text)
    {
        if (text.Split(' ') is [var sender, var kind, var idText]
            && sender != _self
            && _kinds.TryGetValue(kind, out var signals)
            && Guid.TryParse(idText, out var id))
        {
            signals.Wake(id);
        }
    }

    /// <summary>
    /// Runs after each start to listen, since notices before it were missed. That includes the first start: requests may be served before
    /// it.
    /// </summary>
    private void WakeAll()
    {
        foreach (var signals in _kinds.Values)
        {
            signals.WakeAll();
        }
    }
}
