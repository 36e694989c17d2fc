using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Edge.Authentication;

/// <summary>
/// The authority's metadata and keys. It knows the difference between "the token is wrong" and "the keys could not be fetched",
/// which the library's handler reports alike.
/// </summary>
internal sealed class AuthorityKeys : IDocumentRetriever, IDisposable
{
    /// <summary>After a failed first fetch, how long requests are refused at once instead of each trying again.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private const int MaxDocumentBytes = 1 << 20;

    private readonly string _address;
    private readonly HttpClient _client;
    private readonly HttpDocumentRetriever _retriever;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private Task<bool>? _first;
    private DateTimeOffset _retryAt;
    private volatile bool _ready;

    public AuthorityKeys(EdgeJwtOptions options, TimeProvider time, HttpMessageHandler? handler = null)
    {
        _time = time;
        _address = options.MetadataAddress!.AbsoluteUri;
        _client = new HttpClient(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            Timeout = options.FetchTimeout,
            MaxResponseContentBufferSize = MaxDocumentBytes,
        };
        _retriever = new HttpDocumentRetriever(_client) { RequireHttps = options.RequireHttpsMetadata };
        Manager = new ConfigurationManager<OpenIdConnectConfiguration>(
            _address, new OpenIdConnectConfigurationRetriever(), this)
        {
            // How often an unknown key id may ask for new keys.
            RefreshInterval = TimeSpan.FromSeconds(10),
        };
    }

    /// <summary>The library's cache, which refreshes itself, also when a token names a key that it does not know.</summary>
    public ConfigurationManager<OpenIdConnectConfiguration> Manager { get; }

    /// <summary>Whether the last fetch failed: then an unknown key id says nothing about the token.</summary>
    public bool LastFetchFailed { get; private set; }

    /// <summary>Whether keys are at hand; fetches them the first time, once for all requests that wait.</summary>
    public async ValueTask<bool> IsReadyAsync()
    {
        if (_ready)
        {
            return true;
        }

        Task<bool> fetch;
        lock (_lock)
        {
            if (_first is null or { IsCompleted: true })
            {
                if (_ready)
                {
                    return true;
                }

                if (_time.GetUtcNow() < _retryAt)
                {
                    return false;
                }

                _first = FetchAsync();
            }

            fetch = _first;
        }

        return await fetch;
    }

    async Task<string> IDocumentRetriever.GetDocumentAsync(string address, CancellationToken cancel)
    {
        try
        {
            var document = await _retriever.GetDocumentAsync(address, cancel);
            LastFetchFailed = false;
            return document;
        }
        catch
        {
            LastFetchFailed = true;
            throw;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<bool> FetchAsync()
    {
        await Task.Yield();
        try
        {
            // Not bound to one request: others wait for it too. The client's timeout bounds it. The library's cache is asked only once
            // the authority answers, since it remembers a failure for longer than the trouble may last.
            await OpenIdConnectConfigurationRetriever.GetAsync(_address, this, CancellationToken.None);
            await Manager.GetConfigurationAsync(CancellationToken.None);
            _ready = true;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or ArgumentException or OperationCanceledException)
        {
            _retryAt = _time.GetUtcNow() + Pause;
        }

        return _ready;
    }
}
