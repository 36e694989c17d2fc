using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Peers;

/// <summary>A terminal of the public API: <c>GET {id}/pty</c>.</summary>
internal sealed class UserTerminal : ITerminalEnd, IDisposable
{
    /// <summary>Of the client's socket, so that a client that does not read is seen soon.</summary>
    private const int ReceiveBuffer = 64 << 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClientWebSocket _socket = new();
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler
    {
        ConnectCallback = static async (context, cancellation) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = ReceiveBuffer };
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });

    private readonly Output _output = new();

    private UserTerminal()
    {
    }

    public WebSocketCloseStatus? CloseStatus => _socket.CloseStatus;

    public string? CloseReason => _socket.CloseStatusDescription;

    /// <summary>Opens a terminal; its reconnect id is the name by which others attach to it.</summary>
    public static Task<UserTerminal> OpenAsync(EdgeServer server, AgentIdentity agent, Guid? reconnect = null, string command = "") =>
        OpenAsync(server.Url, agent, reconnect, command);

    /// <summary>The same at the URL of another node in front of the server.</summary>
    public static async Task<UserTerminal> OpenAsync(Uri server, AgentIdentity agent, Guid? reconnect = null, string command = "")
    {
        var terminal = new UserTerminal();
        terminal._socket.Options.SetRequestHeader("Coder-Session-Token", agent.SessionToken);
        var url = new Uri(
            server,
            $"/api/v2/workspaceagents/{agent.Id}/pty?reconnect={reconnect ?? Guid.NewGuid()}&height=24&width=80"
                + $"&command={Uri.EscapeDataString(command)}");
        try
        {
            await terminal._socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, terminal._invoker, CancellationToken.None)
                .WaitAsync(Patience);
        }
        catch
        {
            terminal.Dispose();
            throw;
        }

        return terminal;
    }

    /// <summary>Opens the shell, and waits for its prompt.</summary>
    public static async Task<UserTerminal> OpenShellAsync(EdgeServer server, AgentIdentity agent, Guid? reconnect = null)
    {
        var terminal = await OpenAsync(server, agent, reconnect);
        await terminal.UntilAsync(Shell.Prompt);
        return terminal;
    }

    public Task TypeAsync(string text) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { data = text }));

    public Task ResizeAsync(int height, int width) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { height, width }));

    /// <summary>Sends one binary message.</summary>
    public Task SendAsync(ReadOnlyMemory<byte> message) =>
        _socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None).AsTask().WaitAsync(Patience);

    public async Task<byte[]> UntilAsync(string text)
    {
        var wanted = Encoding.UTF8.GetBytes(text);
        byte[]? taken;
        while ((taken = _output.Take(wanted)) is null)
        {
            Assert.True(await ReadAsync(), $"The terminal ended with {CloseStatus} {CloseReason} before \"{text}\": {_output}");
        }

        return taken;
    }

    /// <summary>Types a line that the shell answers.</summary>
    public async Task AssertAnswersAsync()
    {
        var text = Guid.NewGuid().ToString();
        await TypeAsync($"echo {text}\r");
        await UntilAsync($"\n{text}\r\n");
    }

    /// <summary>Reads to the close, and says what it was.</summary>
    public async Task<(WebSocketCloseStatus? Status, string? Reason)> ToCloseAsync()
    {
        while (await ReadAsync())
        {
        }

        return (CloseStatus, CloseReason);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _invoker.Dispose();
    }

    private async Task<bool> ReadAsync()
    {
        var result = await _socket.ReceiveAsync(_output.Space(), CancellationToken.None).AsTask().WaitAsync(Patience);
        _output.Added(result.Count);
        return result.MessageType != WebSocketMessageType.Close;
    }
}
