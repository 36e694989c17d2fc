using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>Streams on threads of the pool while an owner on a thread of its own hands over packets, as a stack does.</summary>
public class ThreadTests
{
    private const int Length = 2_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task AStreamMayBeUsedOnAnyThread()
    {
        using var owner = new Owner(new ServerSettings { ToSend = Length, Window = 200_000 });
        var stream = owner.Connect();
        var thread = new Thread(owner.Run) { IsBackground = true };
        thread.Start();
        await stream.ConnectAsync(CancellationToken.None).AsTask().WaitAsync(Patience);

        var reading = Task.Run(() => ReadAllAsync(stream));
        for (long position = 0; position < Length; position += 50_000)
        {
            var bytes = new byte[50_000];
            Pattern.Fill(bytes, position, new ServerSettings().PeerSalt);
            await stream.WriteAsync(bytes).AsTask().WaitAsync(Patience);
        }

        stream.CompleteWrites();
        Assert.Equal(Length, await reading.WaitAsync(Patience));
        await owner.Closed.WaitAsync(Patience);
        stream.Dispose();
        owner.Stop();
        thread.Join();
        Assert.Equal((Length, 0L), (owner.Server.Received, owner.Context.Buffers.Held));
    }

    [Fact]
    public async Task ManyStreamsMayBeCancelledAndDisposedWhileTheOwnerWorks()
    {
        using var owner = new Owner(new ServerSettings());
        var thread = new Thread(owner.Run) { IsBackground = true };
        thread.Start();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(() => HarassAsync(owner, seed)))).WaitAsync(Patience);
        owner.Stop();
        thread.Join();
        Assert.Equal((0, 0L), (owner.Host.Connections, owner.Context.Buffers.Held));
    }

    private static async Task HarassAsync(Owner owner, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 200; i++)
        {
            // Nobody answers on this port, so that every wait ends by its cancellation or by disposal.
            var stream = owner.Host.Connect(SimulatedServer.Address, 9, TcpSettings.Http)!;
            using var source = new CancellationTokenSource();
            var connect = stream.ConnectAsync(source.Token).AsTask();
            var read = stream.ReadAsync(new byte[10], source.Token).AsTask();
            var write = stream.WriteAsync(new byte[10], source.Token).AsTask();
            if (random.Next(2) == 0)
            {
                await source.CancelAsync();
            }

            stream.Dispose();
            foreach (var task in (Task[])[connect, read, write])
            {
                var failure = await Record.ExceptionAsync(() => task.WaitAsync(Patience));
                Assert.True(failure is OperationCanceledException or ObjectDisposedException, failure?.ToString());
            }
        }
    }

    private static async Task<int> ReadAllAsync(TcpStream stream)
    {
        var buffer = new byte[30_000];
        var received = 0;
        while (await stream.ReadAsync(buffer) is var length and > 0)
        {
            Pattern.Verify(buffer.AsSpan(0, length), received, new ServerSettings().Salt);
            received += length;
        }

        return received;
    }

    private sealed class Owner : IPacketOutput, IDisposable
    {
        private readonly byte[] _region = new byte[Ipv6Header.Mtu];
        private readonly Queue<byte[]> _toServer = new();
        private readonly Queue<byte[]> _toNode = new();
        private readonly AutoResetEvent _work = new(initialState: true);
        private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _stops;

        public Owner(ServerSettings settings)
        {
            var numbers = new Random(3);
            Context = new TcpContext(TimeProvider.System, 64 * 1024 * 1024, () => (uint)numbers.NextInt64());
            Host = new PeerHost(Context, this, Simulation.Node, _ => _work.Set());
            Host.SetPeerAddresses([SimulatedServer.Address]);
            Server = new SimulatedServer(settings, _toNode.Enqueue, Simulation.Node, 77);
        }

        public TcpContext Context { get; }

        public PeerHost Host { get; }

        public SimulatedServer Server { get; }

        /// <summary>The server has everything, and the connection is gone.</summary>
        public Task Closed => _closed.Task;

        public Span<byte> Begin() => _region;

        public void Commit(int length)
        {
            Assert.True(Context.Gate.IsHeldByCurrentThread);
            if (TcpSegment.Read(_region, ReadHeader(length), out var segment) == SegmentStatus.Ok && segment.DestinationPort != 9)
            {
                _toServer.Enqueue(_region.AsSpan(0, length).ToArray());
            }
        }

        public TcpStream Connect() => Host.Connect(SimulatedServer.Address, 2, TcpSettings.Terminal)!;

        public void Stop()
        {
            _stops = true;
            _work.Set();
        }

        public void Dispose() => _work.Dispose();

        public void Run()
        {
            while (!_stops)
            {
                long wait;
                lock (Context.Gate)
                {
                    var now = Context.Now;
                    while (_toServer.TryDequeue(out var packet))
                    {
                        Server.Receive(packet, now);
                    }

                    Server.Run(now);
                    while (_toNode.TryDequeue(out var packet))
                    {
                        Host.Receive(packet, now);
                    }

                    Host.Tick(now);
                    Host.Send(1000, now);
                    wait = _toServer.Count > 0 ? 0 : Math.Min(Host.NextDeadline, Server.Deadline(now)) - now;
                    if (Server.HasAll && Host.Connections == 0)
                    {
                        _closed.TrySetResult();
                    }
                }

                Context.RunCompletions();
                _work.WaitOne(TimeSpan.FromMicroseconds(Math.Clamp(wait, 0, 1_000_000)));
            }
        }

        private Ipv6Header ReadHeader(int length)
        {
            Assert.True(Ipv6Header.TryRead(_region.AsSpan(0, length), out var ip));
            return ip;
        }
    }
}
