using System.Net.Sockets;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Streams;
using Relay.Tests.Sockets;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

/// <summary>Clients of the real server, over loopback sockets.</summary>
public sealed class ClientSocketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PacketsOfAllSizesGoBothWaysInOrder(bool pipes)
    {
        const int Count = 1000;
        await using var rig = new DerpSocketRig();
        using var heartbeat = new DerpClientHeartbeat(TimeProvider.System);
        using var window = new SemaphoreSlim(20); // Less than the server's queue for a sender, also in bytes.
        await using var a = new Connected(await rig.ConnectSocketAsync(), heartbeat, new ClientEvents(), pipes);
        await using var b = new Connected(
            await rig.ConnectSocketAsync(), heartbeat, new ClientEvents { Packet = _ => window.Release() }, pipes);
        await a.Events.ExpectAsync("connected");
        await b.Events.ExpectAsync("connected");

        for (var i = 0; i < Count; i++)
        {
            await window.WaitAsync(SoonExtensions.Guard, TestContext.Current.CancellationToken);
            await Eventually.TrueAsync(() => a.Client.TrySend(b.Client.Key, Packet(i)), "the output accepts a packet");
            a.Client.Flush();
        }

        for (var i = 0; i < Count; i++)
        {
            await b.Events.ExpectAsync(ClientEvents.PacketLine(a.Client.Key, Packet(i)));
        }

        Assert.True(b.Client.TrySend(a.Client.Key, [5]));
        b.Client.Flush();
        await a.Events.ExpectAsync(ClientEvents.PacketLine(b.Client.Key, 5));
        Assert.Equal(1, rig.Server.CloseKey(b.Client.Key));
        Assert.Equal(DerpClientCloseReason.RelayClosed, await b.Ended.Soon());
        await a.Events.ExpectAsync(ClientEvents.GoneLine(b.Client.Key, PeerGoneReason.Disconnected));
    }

    [Fact]
    public async Task AConnectionThatIsResetIsAborted()
    {
        using var heartbeat = new DerpClientHeartbeat(TimeProvider.System);
        var (near, far) = await Loopback.PairAsync();
        await using var client = new Connected(far, heartbeat, new ClientEvents(), pipes: false);

        await near.SendAsync(DerpHandshake.ServerKey(Vectors.Server.PublicKey));
        var received = 0;
        while (received < 5)
        {
            received += await near.ReceiveAsync(new byte[1]); // The client has answered.
        }

        near.Close(0);

        Assert.Equal(DerpClientCloseReason.Aborted, await client.Ended.Soon());
    }

    private static byte[] Packet(int number) => [.. BitConverter.GetBytes(number), .. new byte[number % 50 == 0 ? 60_000 : number % 1400]];

    private sealed class Connected : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly SocketTransport _transport;
        private readonly DerpSocketOutput? _output;

        public Connected(Socket socket, DerpClientHeartbeat heartbeat, ClientEvents events, bool pipes)
        {
            Events = events;
            _transport = new SocketTransport(socket);
            _output = pipes ? null : new DerpSocketOutput(socket);
            IDerpOutput output = _output is null ? new DerpPipeOutput(_transport.Output) : _output;
            Client = new DerpClient(new DerpTransport(_transport.Input, output), NodePrivateKey.Generate(), events, heartbeat);
            Ended = Client.RunAsync(_stop.Token);
        }

        public ClientEvents Events { get; }

        public DerpClient Client { get; }

        public Task<DerpClientCloseReason> Ended { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Ended.Soon();
            await _transport.DisposeAsync();
            _output?.Dispose();
            _stop.Dispose();
        }
    }
}
