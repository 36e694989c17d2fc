using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace EndToEnd;

/// <summary>A terminal's client: types JSON, and collects what comes.</summary>
internal sealed class TerminalClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClientWebSocket _socket = new();
    private readonly MemoryStream _seen = new();
    private HttpMessageInvoker? _invoker;
    private int _found;

    public string Seen => Encoding.UTF8.GetString(_seen.ToArray());

    public static async Task<TerminalClient> OpenAsync(Uri server, Guid agent, string token, Guid reconnect, string command = "")
    {
        var client = new TerminalClient();
        client._socket.Options.SetRequestHeader("Coder-Session-Token", token);
        var url = new Uri(
            server,
            $"/api/v2/workspaceagents/{agent}/pty?reconnect={reconnect}&height=24&width=80&command={Uri.EscapeDataString(command)}");
        await client._socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, CancellationToken.None).WaitAsync(Patience);
        return client;
    }

    /// <summary>Connects to any WebSocket, over HTTP/2 if it says so.</summary>
    public static async Task<TerminalClient> ConnectAsync(Uri url, Action<ClientWebSocketOptions> configure)
    {
        var client = new TerminalClient();
        configure(client._socket.Options);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        client._invoker = new HttpMessageInvoker(handler);
        await client._socket.ConnectAsync(url, client._invoker, CancellationToken.None).WaitAsync(Patience);
        return client;
    }

    public Task TypeAsync(string text) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { data = text }));

    public Task ResizeAsync(int height, int width) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { height, width }));

    /// <summary>Reads until one of these has come after what the last call found, and says which.</summary>
    public async Task<int> UntilAnyAsync(params string[] texts)
    {
        while (true)
        {
            var seen = Seen;
            var first = texts.Select((text, which) => (At: seen.IndexOf(text, _found, StringComparison.Ordinal), Which: which))
                .Where(static found => found.At >= 0).OrderBy(static found => found.At).FirstOrDefault((At: -1, Which: -1));
            if (first.Which >= 0)
            {
                _found = first.At + texts[first.Which].Length;
                return first.Which;
            }

            Assert.True(await ReadAsync(), $"The terminal ended before any of these: {Seen}");
        }
    }

    /// <summary>Reads until this has come after what the last call found.</summary>
    public async Task<string> UntilAsync(string text)
    {
        int at;
        while ((at = Seen.IndexOf(text, _found, StringComparison.Ordinal)) < 0)
        {
            Assert.True(await ReadAsync(), $"The terminal ended before \"{text}\": {Seen}");
        }

        var found = Seen[_found..(at + text.Length)];
        _found = at + text.Length;
        return found;
    }

    /// <summary>Reads to the close, and says what it was.</summary>
    public async Task<WebSocketCloseStatus?> ToCloseAsync()
    {
        while (await ReadAsync())
        {
        }

        return _socket.CloseStatus;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _invoker?.Dispose();
    }

    private Task SendAsync(byte[] message) =>
        _socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None).WaitAsync(Patience);

    private async Task<bool> ReadAsync()
    {
        var buffer = new byte[32 * 1024];
        var result = await _socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Patience);
        _seen.Write(buffer, 0, result.Count);
        return result.MessageType != WebSocketMessageType.Close;
    }
}
