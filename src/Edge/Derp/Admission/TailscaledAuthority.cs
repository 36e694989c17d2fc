using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>
/// Asks the machine's tailscaled who has a key, as derper's <c>-verify-clients</c> does (derp.md §3.10). tailscaled knows its own
/// node and the peers that its node may see.
/// </summary>
internal sealed class TailscaledAuthority : IAdmissionAuthority
{
    private const string Api = "http://local-tailscaled.sock/localapi/v0/";

    // A status without peers is a few kilobytes; capabilities make it longer.
    private const int MaxStatus = 256 << 10;

    private readonly HttpClient _client;

    /// <param name="socketPath">The Unix socket of tailscaled.</param>
    public TailscaledAuthority(string socketPath) =>
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxResponseHeadersLength = 16,
            ConnectCallback = (_, cancellation) => ConnectAsync(socketPath, cancellation),
        })
        {
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };

    public AdmissionSource Source => AdmissionSource.Tailscaled;

    public bool LooksAtAddress => false;

    public bool FailsOpen => false;

    public async Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await GetAsync($"whois?addr={Uri.EscapeDataString(request.Key.ToString())}", cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => AdmissionVerdict.Admitted,
                HttpStatusCode.NotFound => await KnowsItsTailnetAsync(cancellationToken)
                    ? AdmissionVerdict.Refused
                    : AdmissionVerdict.Unreachable,
                >= HttpStatusCode.InternalServerError => AdmissionVerdict.Unreachable,

                // 400: this tailscaled is too old to find keys. 403: it does not trust the edge's user.
                _ => AdmissionVerdict.Unusable,
            };
        }
        catch (Exception error) when (error is HttpRequestException or IOException or ObjectDisposedException)
        {
            return AdmissionVerdict.Unreachable;
        }
    }

    public void Dispose() => _client.Dispose();

    // A tailscaled that has just started, or is logged out, knows no peers. Its "not found" must not close every connection.
    private async Task<bool> KnowsItsTailnetAsync(CancellationToken cancellationToken)
    {
        using var response = await GetAsync("status?peers=false", cancellationToken);
        if (response.StatusCode is not HttpStatusCode.OK)
        {
            return false;
        }

        var bytes = new byte[MaxStatus + 1];
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        try
        {
            return length <= MaxStatus
                && JsonSerializer.Deserialize(bytes.AsSpan(0, length), AdmissionJson.Default.TailscaledStatus)?.BackendState is "Running";
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private Task<HttpResponseMessage> GetAsync(string what, CancellationToken cancellationToken) =>
        _client.GetAsync(new Uri(Api + what), HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
