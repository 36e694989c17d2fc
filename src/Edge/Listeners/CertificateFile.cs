using System.Net.Security;
using Edge.Files;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>
/// A TLS certificate with its chain. When its files change, the next handshake reads them again. Open connections are not
/// affected, whereas Kestrel's own reload closes the endpoint and every stream on it.
/// </summary>
internal sealed partial class CertificateFile
{
    // Handshakes look for changes of the files at most this often.
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly CertificateSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _context;
    private (FileStamp Certificate, FileStamp? Key) _stamp;
    private string? _lastError;
    private long _lookedAt;

    /// <param name="source">The files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Reports files that cannot be used, and certificates outside their validity period.</param>
    /// <exception cref="SettingsException">The files hold no certificate that can be used.</exception>
    public CertificateFile(CertificateSource source, TimeProvider time, ILogger logger)
    {
        _source = source;
        _time = time;
        _logger = logger;
        _stamp = Stamp();
        _lookedAt = time.GetTimestamp();
        _context = source.Read();
        WarnOfDates();
    }

    /// <summary>The certificate for the next handshake.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_lock)
            {
                if (_time.GetElapsedTime(_lookedAt) >= Freshness)
                {
                    _lookedAt = _time.GetTimestamp();
                    Refresh();
                }

                return _context;
            }
        }
    }

    private void Refresh()
    {
        var stamp = Stamp();
        if (stamp == _stamp)
        {
            return;
        }

        try
        {
            _context = _source.Read();
            _stamp = stamp;
            _lastError = null;
            LogReloaded(_source.Path, _context.TargetCertificate.NotAfter);
            WarnOfDates();
        }
        catch (SettingsException error) when (error.Message == _lastError)
        {
            // The log already has this error. The next handshake reads the files again.
        }
        catch (SettingsException error)
        {
            // The files may be half written, or the key may not be the new certificate's yet. A later read may succeed.
            _lastError = error.Message;
            LogReloadFailed(error.Message);
        }
    }

    // Clients that verify certificates refuse one outside its validity period. The others are still served, as other servers do.
    private void WarnOfDates()
    {
        var (now, certificate) = (_time.GetUtcNow().UtcDateTime, _context.TargetCertificate);
        if (certificate.NotAfter.ToUniversalTime() < now)
        {
            LogExpired(_source.Path, certificate.NotAfter.ToUniversalTime());
        }
        else if (certificate.NotBefore.ToUniversalTime() > now)
        {
            LogNotYetValid(_source.Path, certificate.NotBefore.ToUniversalTime());
        }
    }

    private (FileStamp Certificate, FileStamp? Key) Stamp() =>
        (FileStamp.Of(_source.Path), _source.KeyPath is null ? null : FileStamp.Of(_source.KeyPath));

    [LoggerMessage(
        EventId = 1024, Level = LogLevel.Information,
        Message = "The certificate {Path} was read again; it is valid until {NotAfter:O}")]
    private partial void LogReloaded(string path, DateTime notAfter);

    [LoggerMessage(
        EventId = 1025, Level = LogLevel.Warning,
        Message = "The certificate's files have changed but cannot be used; the old certificate stays in use: {Why}")]
    private partial void LogReloadFailed(string why);

    [LoggerMessage(
        EventId = 1026, Level = LogLevel.Warning,
        Message = "The certificate {Path} expired at {NotAfter:O}; clients will refuse it")]
    private partial void LogExpired(string path, DateTime notAfter);

    [LoggerMessage(
        EventId = 1027, Level = LogLevel.Warning,
        Message = "The certificate {Path} is not valid before {NotBefore:O}; clients will refuse it until then")]
    private partial void LogNotYetValid(string path, DateTime notBefore);
}
