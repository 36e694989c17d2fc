using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Messages;

namespace ControlPlane.Coordination;

/// <summary>
/// Reads the DERP map's files and URLs at the start, where a fault stops the start, and periodically, where the last valid map of a faulty
/// source stays.
/// </summary>
internal sealed partial class DerpMapSources : BackgroundService
{
    private readonly DerpMaps _maps;
    private readonly DerpMapOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<DerpMapSources> _logger;
    private readonly HttpClient _http;
    private readonly Dictionary<string, DERPMap> _lastGood = [];

    public DerpMapSources(DerpMaps maps, ControlPlaneOptions options, TimeProvider time, ILogger<DerpMapSources> logger)
    {
        (_maps, _options, _time, _logger) = (maps, options.DerpMap, time, logger);
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false })
        {
            Timeout = _options.FetchTimeout,
            MaxResponseContentBufferSize = _options.MaxSourceBytes,
        };
    }

    /// <summary>Reads all sources at the start.</summary>
    /// <exception cref="ControlPlaneException">A source cannot be read, or two sources conflict.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        if ((await ReadAllAsync(cancellationToken) ?? _maps.Replace(LoadedSources())) is { } fault)
        {
            throw new ControlPlaneException($"The DERP map cannot be built: {fault}.");
        }
    }

    /// <summary>Reads all sources again, and publishes a changed map.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (await ReadAllAsync(cancellationToken) is { } fault)
        {
            SourceFailed(_logger, fault);
        }

        if (_maps.Replace(LoadedSources()) is { } conflict)
        {
            SourceFailed(_logger, conflict);
        }
    }

    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _options.Files.Count + _options.Urls.Count == 0
        ? Task.CompletedTask
        : BackgroundLoop.RunAsync(nameof(DerpMapSources), RefreshPeriodicallyAsync, _time, _logger, stoppingToken);

    private async Task RefreshPeriodicallyAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_options.RefreshInterval, _time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            await RefreshAsync(stop);
        }
    }

    private DerpMapSource[] LoadedSources() => [.. _lastGood.Select(static source => new DerpMapSource(source.Key, source.Value))];

    /// <summary>Reads all sources, and returns the first fault. A faulty source does not affect the others.</summary>
    private async Task<string?> ReadAllAsync(CancellationToken cancellationToken)
    {
        string? first = null;
        foreach (var path in _options.Files)
        {
            var fault = await ReadAsync($"the file {path}", () => ReadFileAsync(path, cancellationToken), cancellationToken);
            first ??= fault;
        }

        foreach (var url in _options.Urls)
        {
            // The log gets the URL without its query, which may contain a secret.
            var origin = url.GetLeftPart(UriPartial.Path);
            var fault = await ReadAsync(origin, () => _http.GetByteArrayAsync(url, cancellationToken), cancellationToken);
            first ??= fault;
        }

        return first;
    }

    private async Task<string?> ReadAsync(string origin, Func<Task<byte[]>> read, CancellationToken cancellationToken)
    {
        try
        {
            if (DerpMapReader.Read(await read(), out var fault) is not { } map)
            {
                return $"{origin}: {fault}";
            }

            _lastGood[origin] = map;
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or HttpRequestException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return $"{origin} cannot be read ({exception.Message})";
        }
    }

    private async Task<byte[]> ReadFileAsync(string path, CancellationToken cancellationToken)
    {
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1, useAsync: true);
        var bytes = new byte[Math.Min(file.Length, _options.MaxSourceBytes + 1L)];
        var read = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return read <= _options.MaxSourceBytes
            ? bytes[..read]
            : throw new IOException($"the file is longer than {_options.MaxSourceBytes} bytes");
    }
}
