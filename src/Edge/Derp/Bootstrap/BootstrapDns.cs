using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ControlPlane.Hosting;

namespace Edge.Derp.Bootstrap;

/// <summary>
/// The addresses of some DNS names, for clients whose own DNS does not work (derp.md §1.7). They are looked up periodically. The
/// answer is one JSON text, the same for every client.
/// </summary>
internal sealed partial class BootstrapDns : IAsyncDisposable
{
    private static readonly TimeSpan LookupTimeout = TimeSpan.FromMinutes(1);

    private readonly BootstrapDnsSettings _settings;
    private readonly TimeProvider _time;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly ILogger<BootstrapDns> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly SortedDictionary<string, IPAddress[]> _found = new(StringComparer.Ordinal);
    private Task _run = Task.CompletedTask;
    private volatile byte[] _json = [];
    private long _requests;
    private long _hits;
    private long _misses;

    public BootstrapDns(DerpSettings settings, TimeProvider time, IMeterFactory meters, ILogger<BootstrapDns> logger)
        : this(settings.BootstrapDns, time, meters, logger, Dns.GetHostAddressesAsync)
    {
    }

    internal BootstrapDns(
        BootstrapDnsSettings settings,
        TimeProvider time,
        IMeterFactory meters,
        ILogger<BootstrapDns> logger,
        Func<string, CancellationToken, Task<IPAddress[]>> resolve)
    {
        (_settings, _time, _logger, _resolve) = (settings, time, logger, resolve);
        var meter = meters.Create(DerpNode.MeterName);
        meter.CreateObservableCounter("bootstrap_dns_requests", () => Volatile.Read(ref _requests), null, "Requests for /bootstrap-dns.");
        meter.CreateObservableCounter(
            "bootstrap_dns_published_hits", () => Volatile.Read(ref _hits), null, "Requests for a name whose addresses are known.");
        meter.CreateObservableCounter(
            "bootstrap_dns_published_misses", () => Volatile.Read(ref _misses), null, "Requests for a name whose addresses are not known.");
    }

    /// <summary>Starts the periodic lookups. The first one is at once.</summary>
    public void Start()
    {
        if (_settings.Names.Count > 0)
        {
            _run = BackgroundLoop.RunAsync(nameof(BootstrapDns), RunAsync, _time, _logger, _stop.Token);
        }
    }

    /// <summary>The JSON answer; empty before the first lookup, and when no name is configured.</summary>
    /// <param name="query">The name that the client looks for, or null. Only the metrics depend on it.</param>
    public ReadOnlyMemory<byte> Answer(string? query)
    {
        Interlocked.Increment(ref _requests);
        if (!string.IsNullOrEmpty(query))
        {
            bool known;
            lock (_found)
            {
                known = _found.ContainsKey(query);
            }

            Interlocked.Increment(ref known ? ref _hits : ref _misses);
        }

        return _json;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_settings.Refresh, _time);
        do
        {
            await RefreshAsync();
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    private async Task RefreshAsync()
    {
        await Task.WhenAll(_settings.Names.Select(LookUpAsync));
        lock (_found)
        {
            _json = Encode();
        }
    }

    private async Task LookUpAsync(string name)
    {
        using var timeout = new CancellationTokenSource(LookupTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
        try
        {
            var addresses = await _resolve(name, either.Token);

            // Clients take the first address, and the resolver's order would make that an IPv6 address for all of them.
            Random.Shared.Shuffle(addresses);
            lock (_found)
            {
                _found[name] = addresses;
            }
        }
        catch (Exception error) when (error is SocketException || (error is OperationCanceledException && !_stop.IsCancellationRequested))
        {
            LogFailed(name, error.Message);
        }
    }

    private byte[] Encode()
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, IndentCharacter = '\t', IndentSize = 1, NewLine = "\n" };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            foreach (var (name, addresses) in _found)
            {
                json.WriteStartArray(name);
                foreach (var address in addresses)
                {
                    json.WriteStringValue(address.ToString());
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    // The addresses of an earlier lookup stay in the answer.
    [LoggerMessage(EventId = 1010, Level = LogLevel.Warning, Message = "Bootstrap DNS could not look up {Name}: {Why}")]
    private partial void LogFailed(string name, string why);
}
