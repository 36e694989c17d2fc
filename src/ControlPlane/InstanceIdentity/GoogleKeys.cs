using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// A cache of Google's public keys. The keys are fetched at the first use, when they are older than <see cref="MaxAge"/>, and when a token
/// names an unknown key. Concurrent requests share one fetch, and <see cref="MinFetchInterval"/> limits how often strangers can cause one.
/// </summary>
internal sealed partial class GoogleKeys : IDisposable
{
    /// <summary>Older keys are fetched again.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    /// <summary>Older keys are no longer trusted, even while fetches fail.</summary>
    internal static readonly TimeSpan MaxStaleAge = TimeSpan.FromHours(24);

    /// <summary>The least time between two fetches. Failures and unknown key ids, which anybody can invent, cause fetches.</summary>
    internal static readonly TimeSpan MinFetchInterval = TimeSpan.FromSeconds(5);

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

    /// <summary>
    /// The keys. Null when none are trusted, or when <paramref name="keyId"/> is unknown and the last fetch failed: it may be a new key.
    /// </summary>
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
        !(now - _triedAt < MinFetchInterval) && (!(now - _readAt < MaxAge) || !Knows(keyId));

    /// <summary>Never throws. No request's cancellation stops the fetch, since other requests share it.</summary>
    private async Task ReadAsync()
    {
        // The caller holds the lock: the rest runs after it has released it.
        await Task.Yield();
        SecurityKey[] keys = [];
        try
        {
            var keySet = JsonWebKeySet.Create(await LoadAsync(_source!));
            keys = [.. keySet.GetSigningKeys().Where(static key => key is RsaSecurityKey && key.KeySize >= MinKeyBits)];
            if (keys.Length == 0)
            {
                LogNoKeys(_source!);
            }
        }
        catch (Exception exception)
        {
            // Any content may be at that address. After any failure the next fetch must be possible.
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
