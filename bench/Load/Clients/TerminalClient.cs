using System.Net;
using System.Text;

namespace Load.Clients;

/// <summary>A terminal of the API server's machine, over a WebSocket: JSON objects there, bytes back.</summary>
internal sealed class TerminalClient : IDisposable
{
    private const int EndPatience = 2000;

    private readonly System.Net.Sockets.Socket _socket;
    private readonly WebSocketBytes _stream;

    /// <summary>Opens a terminal that runs a command line.</summary>
    public TerminalClient(IPEndPoint edge, Bootstrap account, string command)
    {
        (_socket, var stream) = Wires.Connect(edge, null);
        _stream = new WebSocketBytes(stream);
        try
        {
            Wires.Upgrade(
                stream,
                $"{account.AgentPath}/pty?reconnect={Guid.NewGuid():D}&width=80&height=24&command={Uri.EscapeDataString(command)}",
                $"{Wires.WebSocketHeaders()}{Bootstrap.Header}: {account.SessionToken}\r\n");
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>Types characters that need no escape in JSON, but for Ctrl-C.</summary>
    public void Type(string text) =>
        _stream.Write(Encoding.UTF8.GetBytes($"{{\"data\":\"{text.Replace("\u0003", "\\u0003", StringComparison.Ordinal)}\"}}"));

    /// <summary>Waits for output; 0 when the terminal has ended.</summary>
    public int Read(Span<byte> buffer) => _stream.Read(buffer);

    /// <summary>Types Ctrl-C, unless the terminal has ended.</summary>
    public void Interrupt()
    {
        try
        {
            Type("\u0003");
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            return; // Nothing is left to interrupt.
        }
    }

    /// <summary>Ends the command, and waits a moment until it has ended, so that it does not run into the next measurement.</summary>
    public void Dispose()
    {
        try
        {
            _socket.ReceiveTimeout = EndPatience;
            Interrupt();
            for (Span<byte> rest = stackalloc byte[4096]; Read(rest) > 0;)
            {
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            return; // The server ends it a second after this.
        }
        finally
        {
            _stream.Dispose();
        }
    }
}
