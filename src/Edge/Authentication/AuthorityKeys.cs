using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>
/// The authority's metadata and keys. They are fetched at the first use, when they are old, and when the library's handler asks
/// for it because a token names an unknown key. The handler then waits for the new keys, so that a token of a key published a
/// moment ago is not refused. The library's own cache answers before the new keys are there, or remembers failures for longer
/// than they last.
/// </summary>
internal sealed partial class AuthorityKeys : BaseConfigurationManager, IConfigurationManager<OpenIdConnectConfiguration>, IDisposable
{
    /// <summary>The time between a failed fetch and the next one.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>The least time between fetches for unknown key ids, which anybody can invent.</summary>
    internal static readonly TimeSpan MinRefreshInterval = TimeSpan.FromSeconds(5);

    /// <summary>Older keys are fetched again.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    private const int MaxDocumentBytes = 1 << 20;

    private readonly HttpClient _client;
    private readonly HttpDocumentRetriever _retriever;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;
    private readonly ILogger<AuthorityKeys> _logger;
    private readonly Lock _lock = new();
    private OpenIdConnectConfiguration? _current;
    private Task? _fetch;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private DateTimeOffset _refreshRequestedAt = DateTimeOffset.MinValue;
    private DateTimeOffset _staleAt = DateTimeOffset.MinValue;

    public AuthorityKeys(EdgeJwtOptions options, TimeProvider time, ILogger<AuthorityKeys> logger, HttpMessageHandler? handler = null)
    {
        _time = time;
        _logger = logger;
        _timeout = options.FetchTimeout;
        MetadataAddress = options.MetadataAddress!.AbsoluteUri;
        _client = new HttpClient(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            Timeout = options.FetchTimeout,
            MaxResponseContentBufferSize = MaxDocumentBytes,
        };
        _retriever = new HttpDocumentRetriever(_client) { RequireHttps = options.RequireHttpsMetadata };
    }

    /// <summary>Whether the last fetch failed. Then a token with an unknown key id may be valid.</summary>
    public bool LastFetchFailed { get; private set; }

    /// <summary>Whether a key with this id is known.</summary>
    public bool Has(string? keyId)
    {
        lock (_lock)
        {
            return _current?.SigningKeys.Any(key => key.KeyId == keyId) is true;
        }
    }

    /// <summary>Whether keys are available. Fetches them if necessary, once for all waiting requests.</summary>
    public async ValueTask<bool> IsReadyAsync() => await CurrentAsync() is not null;

    /// <exception cref="InvalidOperationException">There are no keys, and they cannot be fetched at the moment.</exception>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) =>
        await CurrentAsync() ?? throw new InvalidOperationException("The authority's keys cannot be fetched.");

    public override async Task<BaseConfiguration> GetBaseConfigurationAsync(CancellationToken cancel) =>
        await GetConfigurationAsync(cancel);

    public override void RequestRefresh()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (now >= _refreshRequestedAt + MinRefreshInterval || _refreshRequestedAt == DateTimeOffset.MinValue)
            {
                _refreshRequestedAt = now;
                _staleAt = now;
            }
        }
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<OpenIdConnectConfiguration?> CurrentAsync()
    {
        Task fetch;
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (_fetch is null && (now < _staleAt || now < _notBefore))
            {
                return _current;
            }

            fetch = _fetch ??= FetchAsync();
        }

        await fetch;
        lock (_lock)
        {
            return _current;
        }
    }

    /// <summary>Never throws. It is not cancelled with one request, since others wait for it too.</summary>
    private async Task FetchAsync()
    {
        // The caller holds the lock until the first await.
        await Task.Yield();
        OpenIdConnectConfiguration? fetched = null;
        try
        {
            // The library's retriever has no cancellation, tries twice and reads two documents. The timeout covers all of this.
            fetched = await OpenIdConnectConfigurationRetriever.GetAsync(MetadataAddress, _retriever, CancellationToken.None)
                .WaitAsync(_timeout, _time);
            if (fetched.SigningKeys.Count == 0)
            {
                fetched = null;
                LogNoKeys(MetadataAddress);
            }
        }
        catch (Exception e)
        {
            // An unexpected answer of the authority must not prevent the next fetch.
            LogNotFetched(MetadataAddress, e);
        }

        lock (_lock)
        {
            _fetch = null;
            var now = _time.GetUtcNow();
            if (fetched is null)
            {
                LastFetchFailed = true;
                _notBefore = now + Pause;
            }
            else
            {
                LastFetchFailed = false;
                _current = fetched;
                _staleAt = now + MaxAge;
            }
        }
    }
}
