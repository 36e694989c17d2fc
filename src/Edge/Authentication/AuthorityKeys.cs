using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>
/// The authority's metadata and keys, fetched when first needed, when they are old, and when the library's handler asks since a token
/// names a key that it does not know. The handler then waits for the new keys, so a token of a key published a moment ago is not refused.
/// The library's own cache either answers before the new keys are there or remembers failures for longer than the trouble lasts.
/// </summary>
internal sealed partial class AuthorityKeys : BaseConfigurationManager, IConfigurationManager<OpenIdConnectConfiguration>, IDisposable
{
    /// <summary>After a failed fetch, how long nobody tries again.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>How often unknown key ids, which anybody can invent, may cause a fetch.</summary>
    internal static readonly TimeSpan AskedRefresh = TimeSpan.FromSeconds(5);

    /// <summary>Keys older than this are fetched anew.</summary>
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
    private DateTimeOffset _asked = DateTimeOffset.MinValue;
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

    /// <summary>Whether the last fetch failed: then an unknown key id says nothing about the token.</summary>
    public bool LastFetchFailed { get; private set; }

    /// <summary>Whether there is a key of this id among those at hand.</summary>
    public bool Has(string? keyId)
    {
        lock (_lock)
        {
            return _current?.SigningKeys.Any(key => key.KeyId == keyId) is true;
        }
    }

    /// <summary>Whether keys are at hand; fetches them if need be, once for all requests that wait.</summary>
    public async ValueTask<bool> IsReadyAsync() => await CurrentAsync() is not null;

    /// <exception cref="InvalidOperationException">There are no keys yet, and they cannot be fetched right now.</exception>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) =>
        await CurrentAsync() ?? throw new InvalidOperationException("The authority's keys cannot be fetched.");

    public override async Task<BaseConfiguration> GetBaseConfigurationAsync(CancellationToken cancel) => await GetConfigurationAsync(cancel);

    public override void RequestRefresh()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (now >= _asked + AskedRefresh || _asked == DateTimeOffset.MinValue)
            {
                _asked = now;
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

    /// <summary>Never fails. Not bound to one request, since others wait for it too.</summary>
    private async Task FetchAsync()
    {
        // The caller holds the lock until this has begun to wait.
        await Task.Yield();
        OpenIdConnectConfiguration? fetched = null;
        try
        {
            // The library's retriever takes no token, tries twice, and reads two documents: the bound goes around all of it.
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
            // Whatever an authority answers, the next fetch has to be possible.
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
