using System.Runtime.InteropServices;
using Edge.Files;
using Edge.Settings;
using Relay.Derp;

namespace Edge.Derp.Rates;

/// <summary>Applies the rate limits of clients, and applies them again when the file changes or, as in derper, at SIGHUP.</summary>
internal sealed partial class DerpRateLimits : IDisposable
{
    private readonly DerpServer _server;
    private readonly string? _file;
    private readonly ILogger<DerpRateLimits> _logger;
    private readonly Lock _lock = new();
    private readonly FileWatch? _watch;
    private readonly PosixSignalRegistration? _signal;
    private DerpRates _rates;

    /// <exception cref="SettingsException">The file cannot be used.</exception>
    public DerpRateLimits(DerpServer server, DerpSettings settings, TimeProvider time, ILogger<DerpRateLimits> logger)
    {
        (_server, _file, _logger, _rates) = (server, settings.Rates.ConfigFile, logger, settings.Rates.Fixed);
        if (_file is not null)
        {
            _watch = new FileWatch(_file, time, Reload);
            _rates = RateConfigFile.Read(_file);

            // Without a handler the signal would end the process, and operators of derper are used to send it.
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnHangUp);
        }

        _rates.ApplyTo(server);
    }

    public void Dispose()
    {
        _signal?.Dispose();
        _watch?.Dispose();
    }

    private void OnHangUp(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Reload();
    }

    private void Reload()
    {
        lock (_lock)
        {
            try
            {
                var rates = RateConfigFile.Read(_file!);
                if (rates != _rates)
                {
                    _rates = rates;
                    rates.ApplyTo(_server);
                    LogApplied(rates.PerClient.BytesPerSecond, rates.Total.BytesPerSecond);
                }
            }
            catch (SettingsException error)
            {
                LogReloadFailed(error.Message);
            }
        }
    }

    [LoggerMessage(
        EventId = 1017, Level = LogLevel.Information,
        Message = "DERP rate limits were read again: {PerClient} bytes/s a client, {Total} bytes/s in all; 0 is no limit")]
    private partial void LogApplied(long perClient, long total);

    [LoggerMessage(
        EventId = 1018, Level = LogLevel.Error,
        Message = "The file of rate limits has changed but cannot be used; the old limits stay in force: {Why}")]
    private partial void LogReloadFailed(string why);
}
