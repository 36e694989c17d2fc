using System.Collections.Concurrent;
using System.Data.Common;
using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Storage;

/// <summary>
/// Tells the other API servers on this database what one has changed, and hears it of them, where the database carries notices. A notice that is
/// lost costs time alone: whoever waits looks at the store from time to time as well.
/// </summary>
internal sealed partial class ChangeNotices(Database database, TimeProvider time, ILogger<ChangeNotices> logger) : BackgroundService
{
    // One statement says so many; a burst of changes of one thing is one notice.
    private const int MaxTexts = 256;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly string _self = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<string, Signals> _kinds = new();
    private readonly Lock _lock = new();
    private readonly HashSet<(string Kind, Guid Id)> _pending = [];
    private Task _speaking = Task.CompletedTask;
    private bool _isSpeaking;

    /// <summary>Who is woken by notices of a kind.</summary>
    public void Add(string kind, Signals signals) => _kinds[kind] = signals;

    /// <summary>Tells the others; soon, and without waiting for it.</summary>
    public void Publish(string kind, Guid id)
    {
        if (database.Engine.Notices is not { } notices)
        {
            return;
        }

        lock (_lock)
        {
            _pending.Add((kind, id));
            if (!_isSpeaking)
            {
                _isSpeaking = true;
                _speaking = Task.Run(() => SpeakAsync(notices));
            }
        }
    }

    /// <summary>Says what is left.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        Task speaking;
        lock (_lock)
        {
            speaking = _speaking;
        }

        await Task.WhenAny(speaking, Task.Delay(Timeout.Infinite, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    /// <summary>Listens.</summary>
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
                await notices.ListenAsync(WakeAll, Hear, stoppingToken);
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
                // It was to stop, however that shows.
                return;
            }

            await Task.WhenAny(Task.Delay(RetryAfter, time, stoppingToken));
        }
    }

    private async Task SpeakAsync(PostgresNotices notices)
    {
        while (Take() is { } texts)
        {
            try
            {
                await notices.SayAsync(texts);
            }
            catch (Exception exception) when (exception is DbException or ObjectDisposedException)
            {
                if (!database.IsOutage(exception))
                {
                    NotSaid(logger, exception);
                }

                database.Observe(exception);
            }
        }
    }

    private string[]? Take()
    {
        lock (_lock)
        {
            var taken = _pending.Take(MaxTexts).ToArray();
            _isSpeaking = taken.Length > 0;
            _pending.ExceptWith(taken);
            return taken.Length > 0 ? [.. taken.Select(one => $"{_self} {one.Kind} {one.Id}")] : null;
        }
    }

    /// <summary>Of a newer program there may be kinds that are unknown here.</summary>
    private void Hear(string text)
    {
        if (text.Split(' ') is [var from, var kind, var id] && from != _self && _kinds.TryGetValue(kind, out var signals) && Guid.TryParse(id, out var what))
        {
            signals.Wake(what);
        }
    }

    /// <summary>What was said while this did not listen was missed, also before the first time: requests may be served by then.</summary>
    private void WakeAll()
    {
        foreach (var signals in _kinds.Values)
        {
            signals.WakeAll();
        }
    }
}
