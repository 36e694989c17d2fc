using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>A port of an agent, written by hand: a test reads and writes the bytes of each connection.</summary>
internal sealed class RawAgent : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<NetworkStream> _connections = Channel.CreateUnbounded<NetworkStream>();

    /// <summary>Listens, and serves each connection.</summary>
    /// <param name="serve">Serves a connection, which is closed afterwards. Null: the test takes it from <see cref="AcceptAsync"/>.</param>
    public RawAgent(Func<NetworkStream, Task>? serve = null)
    {
        _listener.Start();
        _ = RunAsync(serve);
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>The next connection.</summary>
    public Task<NetworkStream> AcceptAsync() => _connections.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().Soon();

    /// <summary>A server that reads a request's header, sends an answer and closes.</summary>
    public static RawAgent Answering(byte[] answer) => new(async stream =>
    {
        await ReadHeadAsync(stream);
        await stream.WriteAsync(answer);
    });

    /// <summary>Reads up to the end of a request's header.</summary>
    public static async Task<string> ReadHeadAsync(Stream stream)
    {
        var head = "";
        var buffer = new byte[4096];
        while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer) is var count && count > 0)
        {
            head += System.Text.Encoding.Latin1.GetString(buffer, 0, count);
        }

        return head;
    }

    public void Dispose() => _listener.Dispose();

    private async Task RunAsync(Func<NetworkStream, Task>? serve)
    {
        try
        {
            while (true)
            {
                var stream = new NetworkStream(await _listener.AcceptSocketAsync(), ownsSocket: true);
                if (serve is null)
                {
                    await _connections.Writer.WriteAsync(stream);
                }
                else
                {
                    _ = ServeAsync(stream, serve);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            _connections.Writer.TryComplete();
        }
    }

    private static async Task ServeAsync(NetworkStream stream, Func<NetworkStream, Task> serve)
    {
        await using (stream)
        {
            try
            {
                await serve(stream);
            }
            catch (IOException)
            {
                // The client has had enough.
            }
        }
    }
}
