using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Files;

namespace Edge.Public;

/// <summary>
/// A TLS certificate with its chain, read again when its files change. New handshakes get the new one; connections that stand
/// are left alone, whereas Kestrel's own reload would close its endpoint and every stream on it.
/// </summary>
internal sealed partial class CertificateFile
{
    // A handshake looks at the files at most so often.
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly string? _keyPath;
    private readonly string? _password;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _context;
    private (FileStamp Certificate, FileStamp? Key) _stamp;
    private long _lookedAt;

    /// <param name="path">A PEM file (the chain in it, leaf first) or a PKCS #12 file.</param>
    /// <param name="keyPath">The PEM file of the private key, when it is not in the first.</param>
    /// <param name="password">Of the private key or of the PKCS #12 file.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of files that cannot be used.</param>
    /// <exception cref="CryptographicException">The files hold no certificate with its key.</exception>
    /// <exception cref="IOException">They cannot be read.</exception>
    public CertificateFile(string path, string? keyPath, string? password, TimeProvider time, ILogger logger)
    {
        _path = path;
        _keyPath = keyPath;
        _password = password;
        _time = time;
        _logger = logger;
        _stamp = Stamp();
        _lookedAt = time.GetTimestamp();
        _context = Load();
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
        try
        {
            var stamp = Stamp();
            if (stamp != _stamp)
            {
                _context = Load();
                _stamp = stamp;
                LogReloaded(_path, _context.TargetCertificate.NotAfter);
            }
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // Half-written, most likely, or a key that is not yet the certificate's; the old certificate serves on, and the next look may find it whole.
            LogKept(_path, error.Message);
        }
    }

    private (FileStamp Certificate, FileStamp? Key) Stamp() => (FileStamp.Of(_path), _keyPath is null ? null : FileStamp.Of(_keyPath));

    private SslStreamCertificateContext Load()
    {
        if (_keyPath is null && X509Certificate2.GetCertContentType(_path) is X509ContentType.Pkcs12)
        {
            var all = X509CertificateLoader.LoadPkcs12CollectionFromFile(_path, _password);
            var leaf = all.FirstOrDefault(static certificate => certificate.HasPrivateKey)
                ?? throw new CryptographicException("The file holds no private key.");
            return SslStreamCertificateContext.Create(leaf, all, offline: true);
        }

        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_path);
        var certificate = _password is null
            ? X509Certificate2.CreateFromPemFile(_path, _keyPath)
            : X509Certificate2.CreateFromEncryptedPemFile(_path, _password, _keyPath);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The certificate {Path} was read again; it is valid until {NotAfter:O}")]
    private partial void LogReloaded(string path, DateTime notAfter);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The certificate {Path} has changed but cannot be used, the old one serves on: {Why}")]
    private partial void LogKept(string path, string why);
}
