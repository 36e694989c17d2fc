using System.Net;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// One HTTP request to an agent on a connection of its own, as agents close idle connections after 20 s (tailnet-node.md §7). The answer
/// may be hostile: it cannot lead the client to another host, and its header is bounded.
/// </summary>
internal sealed class AgentHttp : IDisposable
{
    /// <summary>The longest body of an answer, in bytes.</summary>
    public const int MaxBodyBytes = 4 * 1024 * 1024;

    private const int MaxHeaderKilobytes = 32;

    // The handler connects to nothing but the stream of this connection, so that the host has no meaning.
    private static readonly Uri Host = new("http://agent/");

    private readonly AgentStream _stream;
    private readonly HttpMessageInvoker _client;
    private HttpResponseMessage? _response;
    private bool _isUsed;

    private AgentHttp(AgentStream stream)
    {
        _stream = stream;
        stream.RunsInline = false; // HTTP and JSON take long for the thread that processes the packets
        _client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ActivityHeadersPropagator = null, // no trace ids for agents
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectCallback = (_, _) => UseStream(),
            MaxResponseDrainSize = 0,
            MaxResponseHeadersLength = MaxHeaderKilobytes,
            UseCookies = false,
            UseProxy = false,
        });
    }

    /// <summary>Connects to the agent's HTTP port.</summary>
    /// <exception cref="AgentConnectionException">The dial failed.</exception>
    public static async Task<AgentHttp> OpenAsync(AgentPorts ports, CancellationToken cancellationToken) =>
        new(await ports.DialAsync(AgentPorts.Http, cancellationToken));

    /// <summary>Sends a request without a body on a new connection, and reads the answer.</summary>
    /// <param name="ports">The agent's ports.</param>
    /// <param name="method">The method.</param>
    /// <param name="path">The path, without a leading slash.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="AgentConnectionException">The agent cannot be reached, or its answer is not HTTP, cut off or too long.</exception>
    public static async Task<AgentAnswer> AskAsync(AgentPorts ports, HttpMethod method, string path, CancellationToken cancellationToken)
    {
        using var connection = await OpenAsync(ports, cancellationToken);
        using var response = await connection.SendAsync(method, path, null, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <summary>Sends the one request, and waits for the header of the answer.</summary>
    /// <param name="method">The method. The request has no body.</param>
    /// <param name="path">The path, without a leading slash.</param>
    /// <param name="prepare">Adds headers; null to ask for the connection's end after the answer.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="AgentConnectionException">The connection was lost, or the answer is not HTTP or too long.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, Action<HttpRequestMessage>? prepare, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(Host, path)) { Version = HttpVersion.Version11 };
        request.Headers.ConnectionClose = prepare is null;
        prepare?.Invoke(request);
        try
        {
            return _response = await _client.SendAsync(request, cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw Failed(exception);
        }
    }

    /// <summary>Reads the body of an answer.</summary>
    /// <exception cref="AgentConnectionException">The connection was lost, or the body is cut off or too long.</exception>
    public static async Task<AgentAnswer> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.StatusCode < HttpStatusCode.OK)
        {
            return new AgentAnswer((int)response.StatusCode, []);
        }

        try
        {
            await response.Content.LoadIntoBufferAsync(MaxBodyBytes, cancellationToken);
            return new AgentAnswer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancellationToken));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw Failed(exception);
        }
    }

    /// <summary>Whether a request has failed because the agent closed the connection before its answer was complete.</summary>
    public static bool IsCutOff(AgentConnectionException exception) =>
        ErrorOf(exception) == HttpRequestError.ResponseEnded
        || exception.InnerException is HttpRequestException { InnerException: TcpException { Reason: TcpCloseReason.Reset } };

    public void Dispose()
    {
        _response?.Dispose();
        _client.Dispose();
        _stream.Dispose();
    }

    private static AgentConnectionException Failed(Exception exception) => ErrorOf(exception) switch
    {
        HttpRequestError.ResponseEnded => new AgentConnectionException("the agent's answer is cut off", exception),
        HttpRequestError.InvalidResponse => new AgentConnectionException("the agent's answer is not HTTP", exception),
        HttpRequestError.ConfigurationLimitExceeded => new AgentConnectionException("the agent's answer is too long", exception),
        _ => AgentPorts.LostBy(exception),
    };

    /// <summary>What is wrong with the answer, by the exception or its causes; unknown for a lost connection.</summary>
    private static HttpRequestError ErrorOf(Exception exception)
    {
        var error = HttpRequestError.Unknown;
        for (var cause = exception;
            cause is not null && error is (HttpRequestError.Unknown or HttpRequestError.ConnectionError);
            cause = cause.InnerException)
        {
            error = cause switch
            {
                HttpRequestException request => request.HttpRequestError,
                HttpIOException answer => answer.HttpRequestError,
                _ => error,
            };
        }

        return error;
    }

    /// <summary>
    /// The stream, for the handler's first connection. The handler asks for a second one when the first has ended without a byte of an
    /// answer, and gets none: the agent may have begun what the request asks for.
    /// </summary>
    private ValueTask<Stream> UseStream()
    {
        if (_isUsed)
        {
            return ValueTask.FromException<Stream>(
                new HttpIOException(HttpRequestError.ResponseEnded, "The connection has ended without an answer."));
        }

        _isUsed = true;
        return ValueTask.FromResult<Stream>(_stream);
    }
}
