using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Edge.Administration;
using Relay.Streams.Wire;

namespace Edge.AgentCommands;

/// <summary>A client of a server's Agents API. Its errors are <see cref="AgentCommandException"/>s with the server's own texts.</summary>
internal sealed class AgentClient : IDisposable
{
    // A dial may take 30 s.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(45);

    private static readonly TimeSpan PongInterval = TimeSpan.FromSeconds(15);

    private readonly AgentTarget _target;
    private readonly HttpClient _client;

    public AgentClient(AgentTarget target)
    {
        _target = target;
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { Timeout = Timeout };
    }

    /// <summary>Gets a JSON object.</summary>
    public async Task<JsonObject> GetAsync(string path, CancellationToken cancellation)
    {
        using var request = NewRequest(path);
        using var response = await SendAsync(request, cancellation);
        var answer = await ReadAsync(response, cancellation);
        return response.IsSuccessStatusCode && ApiErrorText.TryParse(answer) is JsonObject json ? json : throw Refused(response, answer);
    }

    /// <summary>Opens a WebSocket. <see cref="ClientWebSocket"/> would hide the text of a refusal.</summary>
    public async Task<WebSocket> OpenAsync(string path, CancellationToken cancellation)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = NewRequest(path);
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", key);
        var response = await SendAsync(request, cancellation);
        try
        {
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                throw Refused(response, await ReadAsync(response, cancellation));
            }

            if (!response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accepts)
                || !accepts.SequenceEqual([WebSocketAccept.For(key)]))
            {
                throw new AgentCommandException($"{_target.Url} is no server of the Agents API: its WebSocket handshake is wrong");
            }

            // The WebSocket owns the connection from here on.
            return WebSocket.CreateFromStream(
                await response.Content.ReadAsStreamAsync(cancellation), new WebSocketCreationOptions { KeepAliveInterval = PongInterval });
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    public void Dispose() => _client.Dispose();

    private HttpRequestMessage NewRequest(string path)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_target.Url, path));
        request.Headers.Add("Coder-Session-Token", _target.Token);
        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        }
        catch (Exception error) when (IsUnreachable(error, cancellation))
        {
            throw DoesNotAnswer(error);
        }
    }

    private async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            return await response.Content.ReadAsStringAsync(cancellation);
        }
        catch (Exception error) when (IsUnreachable(error, cancellation))
        {
            throw DoesNotAnswer(error);
        }
    }

    private static bool IsUnreachable(Exception error, CancellationToken cancellation) =>
        error is HttpRequestException || (error is OperationCanceledException && !cancellation.IsCancellationRequested);

    private AgentCommandException DoesNotAnswer(Exception error) => new($"{_target.Url} does not answer: {error.Message}", error);

    private AgentCommandException Refused(HttpResponseMessage response, string answer) => new(
        ApiErrorText.Of(answer) is { Length: > 0 } text ? text : $"{_target.Url} answered {(int)response.StatusCode} without a reason");
}
