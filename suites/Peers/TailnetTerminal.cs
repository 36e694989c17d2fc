using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Peers;

/// <summary>A terminal straight at the agent's port 2, as an API server opens it (terminal.md), over a client of the tailnet.</summary>
internal sealed class TailnetTerminal : ITerminalEnd, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TcpClient _tcp = new() { NoDelay = true };
    private readonly Output _output = new();

    private TailnetTerminal()
    {
    }

    /// <param name="port">Where the client listens for the agent's port 2.</param>
    /// <param name="id">The terminal's name.</param>
    /// <param name="command">The command; empty for the shell.</param>
    public static async Task<TailnetTerminal> OpenAsync(int port, Guid id, string command = "")
    {
        var terminal = new TailnetTerminal();
        await terminal._tcp.ConnectAsync(IPAddress.Loopback, port);

        // The length and the JSON in one segment: the agent reads each once.
        var json = JsonSerializer.SerializeToUtf8Bytes(new { ID = id, Height = 24, Width = 80, Command = command });
        var init = new byte[2 + json.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(init, (ushort)json.Length);
        json.CopyTo(init, 2);
        await terminal._tcp.GetStream().WriteAsync(init);
        return terminal;
    }

    public Task TypeAsync(string text) => SendAsync(new { data = text });

    public Task ResizeAsync(int height, int width) => SendAsync(new { height, width });

    public async Task<byte[]> UntilAsync(string text)
    {
        var wanted = Encoding.UTF8.GetBytes(text);
        byte[]? taken;
        while ((taken = _output.Take(wanted)) is null)
        {
            Assert.True(await ReadAsync(), $"The terminal ended before \"{text}\": {_output}");
        }

        return taken;
    }

    /// <summary>Reads to the agent's FIN.</summary>
    public async Task ToEndAsync()
    {
        while (await ReadAsync())
        {
        }
    }

    public void Dispose() => _tcp.Dispose();

    private async Task<bool> ReadAsync()
    {
        var count = await _tcp.GetStream().ReadAsync(_output.Space()).AsTask().WaitAsync(Patience);
        _output.Added(count);
        return count > 0;
    }

    private Task SendAsync(object message) =>
        _tcp.GetStream().WriteAsync(JsonSerializer.SerializeToUtf8Bytes(message)).AsTask().WaitAsync(Patience);
}
