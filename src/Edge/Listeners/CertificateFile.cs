using System.Net.Security;
using Edge.Files;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>
/// A TLS certificate with its chain, read again when its files change. New handshakes get the new one; connections that stand
/// are left alone, whereas Kestrel's own reload would close its endpoint and every stream on it.
/// </summary>
internal sealed partial class CertificateFile
{
    // A handshake looks at the files at most so often.
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly CertificateSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _context;
    private (FileStamp Certificate, FileStamp? Key) _stamp;
    private string? _complaint;
    private long _lookedAt;

    /// <param name="source">The files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of files that cannot be used, and of certificates that are not valid now.</param>
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

    /// <summary>What the next handshake presents.</summary>
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
            _complaint = null;
            LogReloaded(_source.Path, _context.TargetCertificate.NotAfter);
            WarnOfDates();
        }
        catch (SettingsException error) when (error.Message == _complaint)
        {
            // Said already; the files are looked at again with the next handshake.
        }
        catch (SettingsException error)
        {
            // Half-written, most likely, or a key that is not yet the certificate's; the next look may find it whole.
            _complaint = error.Message;
            LogKept(error.Message);
        }
    }

    // Clients that check refuse such a certificate; those that do not are served, as by other servers.
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

    [LoggerMessage(EventId = 1024, Level = LogLevel.Information, Message = "The certificate {Path} was read again; it is valid until {NotAfter:O}")]
    private partial void LogReloaded(string path, DateTime notAfter);

    [LoggerMessage(
        EventId = 1025, Level = LogLevel.Warning,
        Message = "The certificate's files have changed but cannot be used, the old one serves on: {Why}")]
    private partial void LogKept(string why);

    [LoggerMessage(EventId = 1026, Level = LogLevel.Warning, Message = "The certificate {Path} expired at {NotAfter:O}; clients will refuse it")]
    private partial void LogExpired(string path, DateTime notAfter);

    [LoggerMessage(
        EventId = 1027, Level = LogLevel.Warning,
        Message = "The certificate {Path} is not valid before {NotBefore:O}; clients will refuse it until then")]
    private partial void LogNotYetValid(string path, DateTime notBefore);
}
