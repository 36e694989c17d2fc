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
    private DateTimeOffset? _fetchedAt;
    private DateTimeOffset? _attemptedAt;
    private Task? _fetch;

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
        Task? fetch;
        lock (_lock)
        {
            fetch = _fetch ??= MustFetch(keyId, _time.GetUtcNow()) ? FetchAsync() : null;
        }

        if (fetch is not null)
        {
            await fetch;
        }

        lock (_lock)
        {
            var failing = _fetchedAt is null || _attemptedAt > _fetchedAt;
            var stale = _fetchedAt is null || _time.GetUtcNow() - _fetchedAt >= MaxStaleAge;
            return stale || (failing && !Knows(keyId)) ? null : _keys;
        }
    }

    public void Dispose() => _client.Dispose();

    private bool Knows(string keyId) => _keys.Any(key => key.KeyId == keyId);

    private bool MustFetch(string keyId, DateTimeOffset now) =>
        !(now - _attemptedAt < MinFetchInterval) && (!(now - _fetchedAt < MaxAge) || !Knows(keyId));

    /// <summary>Never throws. No request's cancellation stops the fetch, since other requests share it.</summary>
    private async Task FetchAsync()
    {
        // The caller holds the lock and stores this task. Without the yield, a synchronous read of a file would complete before that.
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
            _fetch = null;
            _attemptedAt = _time.GetUtcNow();
            if (keys.Length > 0)
            {
                _keys = keys;
                _fetchedAt = _attemptedAt;
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
