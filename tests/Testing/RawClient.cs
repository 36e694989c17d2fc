using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>Speaks HTTP, or what passes for it, byte by byte.</summary>
public sealed class RawClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly byte[] _buffer = new byte[64 << 10];

    private RawClient(Socket socket) => Socket = socket;

    public Socket Socket { get; }

    /// <summary>Connects, if asked from another of the loopback network's addresses.</summary>
    public static async Task<RawClient> ConnectAsync(Uri url, string? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        }

        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, url.Port));
        return new RawClient(socket);
    }

    public Task SendAsync(string latin1) => SendAsync(Encoding.Latin1.GetBytes(latin1));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await Socket.SendAsync(bytes)..];
        }
    }

    /// <summary>
    /// The next bytes; empty when the peer has sent its FIN. Throws <see cref="SocketException"/> when it reset the connection.
    /// </summary>
    public async Task<byte[]> ReceiveAsync()
    {
        var received = await Socket.ReceiveAsync(_buffer).WaitAsync(Patience);
        return _buffer[..received];
    }

    /// <summary>Reads until what has come ends a response head, and returns all of it.</summary>
    public Task<string> ReceiveHeadAsync() => ReceiveUntilAsync("\r\n\r\n");

    /// <summary>Reads until <paramref name="text"/> has come, or the peer has finished.</summary>
    public async Task<string> ReceiveUntilAsync(string text)
    {
        var all = new StringBuilder();
        while (!all.ToString().Contains(text, StringComparison.Ordinal))
        {
            var bytes = await ReceiveAsync();
            if (bytes.Length == 0)
            {
                break;
            }

            all.Append(Encoding.Latin1.GetString(bytes));
        }

        return all.ToString();
    }

    /// <summary>Reads until the peer has finished; a reset counts as that.</summary>
    public async Task<string> ReceiveAllAsync()
    {
        var all = new StringBuilder();
        try
        {
            while (await ReceiveAsync() is { Length: > 0 } bytes)
            {
                all.Append(Encoding.Latin1.GetString(bytes));
            }
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset)
        {
            all.Append("[reset]");
        }

        return all.ToString();
    }

    public void Dispose() => Socket.Dispose();
}
