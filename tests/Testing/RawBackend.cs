using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Testing;

/// <summary>
/// An API server that shows the bytes it got, and answers with the bytes it is told. Probes of <c>/healthz</c> get 200 and
/// do not count.
/// </summary>
public sealed class RawBackend : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly ConcurrentDictionary<Socket, byte[]> Reports = new();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<string> _heads = Channel.CreateUnbounded<string>();
    private readonly Channel<byte[]> _reports = Channel.CreateUnbounded<byte[]>();
    private readonly Func<Socket, string, Task> _handler;
    private readonly Task _accepting;

    /// <param name="handler">Gets the connection and a request's head (with whatever came in the same packet behind it).</param>
    public RawBackend(Func<Socket, string, Task> handler)
    {
        _handler = handler;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Every connection's first bytes, probes left out, in order of arrival.</summary>
    public int Seen => _heads.Reader.Count;

    /// <summary>The next request's head, with whatever came with it.</summary>
    public async Task<string> HeadAsync() => await _heads.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>What a handler has reported.</summary>
    public async Task<byte[]> ReportAsync() => await _reports.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    /// <summary>For handlers: what the test shall see.</summary>
    public static void Report(Socket socket, byte[] bytes) => Reports[socket] = bytes;

    /// <summary>A right 101 to an upgrade with the key of RFC 6455 §1.3, with more headers if given.</summary>
    public static string Accept(string more = "") =>
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + $"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{more}\r\n";

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptSocketAsync();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var head = new StringBuilder();
                var buffer = new byte[64 << 10];
                while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
                {
                    var read = await socket.ReceiveAsync(buffer);
                    if (read == 0)
                    {
                        return;
                    }

                    head.Append(Encoding.Latin1.GetString(buffer, 0, read));
                }

                if (head.ToString().StartsWith("GET /healthz ", StringComparison.Ordinal))
                {
                    await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
                    return;
                }

                _heads.Writer.TryWrite(head.ToString());
                await _handler(socket, head.ToString());
                if (Reports.TryRemove(socket, out var report))
                {
                    _reports.Writer.TryWrite(report);
                }
            }
            catch (SocketException error)
            {
                // The edge or its client closed the connection. The test sees that in what it did not receive.
                _reports.Writer.TryWrite(Encoding.ASCII.GetBytes(error.SocketErrorCode.ToString()));
            }
        }
    }
}
