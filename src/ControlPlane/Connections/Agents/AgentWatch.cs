using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Connections.Agents;

/// <summary>A WebSocket on which an agent sends a list at once and after each change (tailnet-node.md §7).</summary>
internal sealed class AgentWatch : IDisposable
{
    private const int FirstBufferBytes = 4 * 1024;

    // RFC 6455 §1.3
    private const string KeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private readonly AgentHttp _connection;
    private readonly WebSocket _socket;
    private byte[] _buffer = new byte[FirstBufferBytes];

    private AgentWatch(AgentHttp connection, WebSocket socket) => (_connection, _socket) = (connection, socket);

    /// <summary>Opens the WebSocket.</summary>
    /// <returns>The watch; or the agent's answer, if it has not accepted.</returns>
    /// <exception cref="AgentConnectionException">The agent cannot be reached, or has not answered with HTTP.</exception>
    public static async Task<(AgentWatch? Watch, AgentAnswer? Answer)> OpenAsync(
        AgentPorts ports, string path, ControlPlaneOptions options, CancellationToken cancellationToken)
    {
        var connection = await AgentHttp.OpenAsync(ports, cancellationToken);
        try
        {
            var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            var response = await connection.SendAsync(
                HttpMethod.Get,
                path,
                request =>
                {
                    request.Headers.Connection.Add("Upgrade");
                    request.Headers.Upgrade.Add(new("websocket"));
                    request.Headers.Add("Sec-WebSocket-Version", "13");
                    request.Headers.Add("Sec-WebSocket-Key", key);
                },
                cancellationToken);
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                var answer = await AgentHttp.ReadAsync(response, cancellationToken);
                connection.Dispose();
                return (null, answer);
            }

            if (!IsAccepted(response, key))
            {
                throw new AgentConnectionException("the agent's answer is not a WebSocket");
            }

            var socket = WebSocket.CreateFromStream(
                await response.Content.ReadAsStreamAsync(cancellationToken),
                new WebSocketCreationOptions
                {
                    KeepAliveInterval = options.WebSocketPingInterval,
                    KeepAliveTimeout = options.WebSocketPongTimeout,
                });
            return (new AgentWatch(connection, socket), null);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The next text message. It is valid until the next call.</summary>
    /// <returns>The message; null after the agent has closed the WebSocket.</returns>
    /// <exception cref="AgentConnectionException">The connection was lost, or the message is binary or too long.</exception>
    public async Task<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        var length = 0;
        try
        {
            while (true)
            {
                var result = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken);
                if (result.MessageType != WebSocketMessageType.Text)
                {
                    return result.MessageType == WebSocketMessageType.Close
                        ? null
                        : throw new AgentConnectionException("the agent has sent a binary message");
                }

                length += result.Count;
                if (result.EndOfMessage)
                {
                    return _buffer.AsMemory(0, length);
                }

                if (length == AgentHttp.MaxBodyBytes)
                {
                    throw new AgentConnectionException("the agent's message is too long");
                }

                if (length == _buffer.Length)
                {
                    Array.Resize(ref _buffer, Math.Min(2 * length, AgentHttp.MaxBodyBytes));
                }
            }
        }
        catch (Exception exception) when (exception is WebSocketException or IOException)
        {
            throw AgentPorts.LostBy(exception);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _connection.Dispose();
    }

    [SuppressMessage(
        "Security", "CA5350", Justification = "RFC 6455 asks for SHA-1. The hash proves that the server understood, and secures nothing.")]
    private static bool IsAccepted(HttpResponseMessage response, string key)
    {
        var expected = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + KeySuffix)));
        return response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept)
            && accept.SequenceEqual([expected])
            && !response.Headers.Contains("Sec-WebSocket-Extensions")
            && !response.Headers.Contains("Sec-WebSocket-Protocol");
    }
}
