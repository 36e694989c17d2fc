using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Relay.Streams;

namespace Relay.Tests.Streams;

/// <summary>A relay with a manual clock, and a stream through it between two real loopback connections.</summary>
internal sealed class StreamRig : IAsyncDisposable
{
    private readonly List<StreamTransport> _transports = [];
    private readonly List<Socket> _peers = [];
    private readonly CapturedLog _log = new();

    private readonly LoggerFactory _loggers;

    public StreamRig(StreamRelayOptions? options = null)
    {
        _loggers = new LoggerFactory([_log]);
        Relay = new StreamRelay(
            options ?? new StreamRelayOptions(), new StreamMetrics(Meters), Clock, _loggers.CreateLogger<StreamRelay>());
    }

    public ManualTimeProvider Clock { get; } = new();

    public TestMeters Meters { get; } = new();

    public StreamRelay Relay { get; }

    /// <summary>Handed to the streams that start from now on.</summary>
    public CancellationToken HostAbort { get; set; }

    /// <summary>Starts a stream; the answer is the client's and the API server's own ends of it.</summary>
    public async Task<(Socket Client, Socket Backend, Task<StreamReport> Run)> StartAsync(
        StreamFraming framing = StreamFraming.WebSocket, StreamKind kind = StreamKind.Other, int buffers = 0)
    {
        var (nearClient, client) = await Loopback.PairAsync(buffers);
        var (nearBackend, backend) = await Loopback.PairAsync(buffers);
        var run = Run(new SocketTransport(nearClient), new SocketTransport(nearBackend), framing, kind);
        _peers.AddRange([client, backend]);
        return (client, backend, run);
    }

    public Task<StreamReport> Run(
        StreamTransport client, StreamTransport backend, StreamFraming framing, StreamKind kind)
    {
        _transports.AddRange([client, backend]);
        return Relay.RunAsync(client, backend, new StreamInfo(kind, framing, "test"), HostAbort);
    }

    /// <summary>Waits until the kernel has heard that the peers have everything: the test's clock may be far ahead of it.</summary>
    public Task AcknowledgedAsync() =>
        Eventually.TrueAsync(() => !_transports.Exists(static transport => transport.HasUnacknowledged), "all is acknowledged");

    /// <summary>Lets time go by until the task is over.</summary>
    public async Task<T> AdvanceUntilAsync<T>(Task<T> task)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!task.IsCompleted && TimeProvider.System.GetElapsedTime(start) < SoonExtensions.Guard)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(250));
            await Task.Yield();
        }

        return await task.WaitAsync(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
    }

    public static async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            at += await socket.SendAsync(bytes.AsMemory(at)).Soon();
        }
    }

    public static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var got = await socket.ReceiveAsync(bytes.AsMemory(at)).Soon();
            Assert.NotEqual(0, got);
            at += got;
        }

        return bytes;
    }

    public static async Task<byte[]> ReceiveToEndAsync(Socket socket)
    {
        var all = new MemoryStream();
        var piece = new byte[16 * 1024];
        while (await socket.ReceiveAsync(piece.AsMemory()).Soon() is > 0 and var got)
        {
            all.Write(piece, 0, got);
        }

        return all.ToArray();
    }

    /// <summary>Waits for a reset, whatever bytes come before it.</summary>
    public static async Task AssertResetAsync(Socket socket)
    {
        var error = await Assert.ThrowsAsync<SocketException>(() => ReceiveToEndAsync(socket));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    public static void Reset(Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Relay.Dispose();
        foreach (var transport in _transports)
        {
            transport.Abort();
            await transport.DisposeAsync();
        }

        _peers.ForEach(static peer => peer.Dispose());
        Meters.Dispose();
        _loggers.Dispose();

        // What the heartbeat has thrown.
        Assert.Empty(_log.Lines);
    }
}
