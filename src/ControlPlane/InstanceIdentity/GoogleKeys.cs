using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// The keys that Google signs with, read when first needed, when they are old, and when a token names a key that is not among them: once for all
/// requests that wait, and not at the pace of strangers.
/// </summary>
internal sealed partial class GoogleKeys : IDisposable
{
    /// <summary>Keys older than this are read anew.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    /// <summary>Keys older than this are not believed any more, if new ones cannot be had.</summary>
    internal static readonly TimeSpan MaxStaleAge = TimeSpan.FromHours(24);

    /// <summary>How often unknown key ids, which anybody can invent, and failures may cause a read.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private const int MaxDocumentBytes = 1 << 20;
    private const int MinKeyBits = 2048;

    private readonly Uri? _source;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly ILogger<GoogleKeys> _logger;
    private readonly Lock _lock = new();
    private IReadOnlyList<SecurityKey> _keys = [];
    private DateTimeOffset? _readAt;
    private DateTimeOffset? _triedAt;
    private Task? _reading;

    public GoogleKeys(ControlPlaneOptions options, TimeProvider time, ILogger<GoogleKeys> logger)
    {
        _source = options.InstanceIdentity.GoogleKeys;
        _time = time;
        _logger = logger;
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            Timeout = options.InstanceIdentity.GoogleFetchTimeout,
            MaxResponseContentBufferSize = MaxDocumentBytes,
        };
    }

    public bool AreConfigured => _source is not null;

    /// <summary>The keys; null while there are none, or while it cannot be told whether <paramref name="keyId"/> is one.</summary>
    public async Task<IReadOnlyList<SecurityKey>?> GetAsync(string keyId)
    {
        Task? reading;
        lock (_lock)
        {
            reading = _reading ??= MustRead(keyId, _time.GetUtcNow()) ? ReadAsync() : null;
        }

        if (reading is not null)
        {
            await reading;
        }

        lock (_lock)
        {
            var failing = _readAt is null || _triedAt > _readAt;
            var stale = _readAt is null || _time.GetUtcNow() - _readAt >= MaxStaleAge;
            return stale || (failing && !Knows(keyId)) ? null : _keys;
        }
    }

    public void Dispose() => _client.Dispose();

    private bool Knows(string keyId) => _keys.Any(key => key.KeyId == keyId);

    private bool MustRead(string keyId, DateTimeOffset now) =>
        !(now - _triedAt < Pause) && (!(now - _readAt < MaxAge) || !Knows(keyId));

    /// <summary>Never fails. Not bound to one request, since others wait for it too.</summary>
    private async Task ReadAsync()
    {
        // The caller holds the lock until this has begun to wait.
        await Task.Yield();
        SecurityKey[] keys = [];
        try
        {
            keys = [.. JsonWebKeySet.Create(await LoadAsync(_source!)).GetSigningKeys().Where(static key => key is RsaSecurityKey && key.KeySize >= MinKeyBits)];
            if (keys.Length == 0)
            {
                LogNoKeys(_source!);
            }
        }
        catch (Exception exception)
        {
            // Whatever there is in the place of keys, the next read has to be possible.
            LogNotFetched(_source!, exception);
        }

        lock (_lock)
        {
            _reading = null;
            _triedAt = _time.GetUtcNow();
            if (keys.Length > 0)
            {
                _keys = keys;
                _readAt = _triedAt;
            }
        }
    }

    private async Task<string> LoadAsync(Uri source)
    {
        if (!source.IsFile)
        {
            return await _client.GetStringAsync(source);
        }

        await using var file = File.OpenRead(source.LocalPath);
        return file.Length <= MaxDocumentBytes
            ? await new StreamReader(file, Encoding.UTF8).ReadToEndAsync()
            : throw new InvalidDataException(FormattableString.Invariant($"The file is longer than {MaxDocumentBytes} bytes."));
    }
}
