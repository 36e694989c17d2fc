using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>
/// Asks an HTTP server, as derper's <c>-verify-client-url</c> does (derp.md §3.10). Headscale has such a page at <c>/verify</c>.
/// </summary>
internal sealed class UrlAuthority : IAdmissionAuthority
{
    // Derper has the same limit.
    private const int MaxAnswer = 4 << 10;

    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        MaxResponseHeadersLength = 16,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
    })
    {
        Timeout = System.Threading.Timeout.InfiniteTimeSpan,
    };

    private readonly Uri _url;

    /// <param name="url">The server's page.</param>
    /// <param name="failsOpen">Whether clients are admitted while there is no answer.</param>
    public UrlAuthority(Uri url, bool failsOpen) => (_url, FailsOpen) = (url, failsOpen);

    public AdmissionSource Source => AdmissionSource.Url;

    public bool LooksAtAddress => true;

    public bool FailsOpen { get; }

    public async Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest request, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new AdmissionQuestion(request.Key.ToString(), request.Source?.ToString() ?? string.Empty),
            AdmissionJson.Default.AdmissionQuestion);
        using var message = new HttpRequestMessage(HttpMethod.Post, _url) { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using var response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => await ReadAsync(response.Content, cancellationToken),
                HttpStatusCode.Forbidden => AdmissionVerdict.Refused,
                HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError =>
                    AdmissionVerdict.Unreachable,
                _ => AdmissionVerdict.Unusable,
            };
        }
        catch (Exception error) when (error is HttpRequestException or IOException or ObjectDisposedException)
        {
            return AdmissionVerdict.Unreachable;
        }
    }

    public void Dispose() => _client.Dispose();

    private static async Task<AdmissionVerdict> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var bytes = new byte[MaxAnswer + 1];
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return length > MaxAnswer ? AdmissionVerdict.Unusable : Verdict(bytes.AsSpan(0, length));
    }

    /// <summary>The verdict of an answer. Only an explicit false is a refusal.</summary>
    internal static AdmissionVerdict Verdict(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AdmissionJson.Default.AdmissionAnswer)?.Allow switch
            {
                true => AdmissionVerdict.Admitted,
                false => AdmissionVerdict.Refused,
                null => AdmissionVerdict.Unusable,
            };
        }
        catch (JsonException)
        {
            return AdmissionVerdict.Unusable;
        }
    }
}

/// <summary>Derper's <c>DERPAdmitClientRequest</c>.</summary>
internal sealed record AdmissionQuestion(string NodePublic, string Source);

/// <summary>Derper's <c>DERPAdmitClientResponse</c>.</summary>
internal sealed record AdmissionAnswer(bool? Allow);

/// <summary>The part of tailscaled's status that shows whether it is connected to its tailnet.</summary>
internal sealed record TailscaledStatus(string? BackendState);

// These servers are written in Go, whose JSON decoder ignores the case of names.
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, MaxDepth = 64)]
[JsonSerializable(typeof(AdmissionQuestion))]
[JsonSerializable(typeof(AdmissionAnswer))]
[JsonSerializable(typeof(TailscaledStatus))]
internal sealed partial class AdmissionJson : JsonSerializerContext;
