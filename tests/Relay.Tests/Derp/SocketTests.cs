using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

public sealed class SocketTests
{
    [Fact]
    public async Task PairsOverTcpGetAllTheirPacketsInOrder()
    {
        using var server = new DerpServer(NodePrivateKey.Generate(), new DerpServerOptions(), TimeProvider.System);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var pairs = new List<(DerpTestClient From, DerpTestClient To)>();
        for (var i = 0; i < 4; i++)
        {
            pairs.Add((await ConnectAsync(server, listener), await ConnectAsync(server, listener)));
        }

        await Task.WhenAll(pairs.Select(static pair => ExchangeAsync(pair.From, pair.To))).Soon();
        foreach (var (from, to) in pairs)
        {
            Assert.Equal(DerpCloseReason.ClientClosed, await from.LeaveAsync());

            // A socket that is closed with unread bytes is reset.
            await to.ExpectPeerGoneAsync(from.Key, PeerGoneReason.Disconnected);
            Assert.Equal(DerpCloseReason.ClientClosed, await to.LeaveAsync());
        }

        Assert.Equal(0, server.Pool.Rented);
        Assert.Equal(4 * 2000, server.Totals[DerpCount.PacketsSent]);
    }

    // At most 100 on their way, so that a queue of 128 loses none.
    private static async Task ExchangeAsync(DerpTestClient from, DerpTestClient to)
    {
        using var window = new SemaphoreSlim(100);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 2000; i++)
            {
                await window.WaitAsync();
                var packet = new byte[1 + (i % 1400) + 4];
                BitConverter.TryWriteBytes(packet, i);
                await from.SendAsync(to.Key, packet);
            }
        });
        for (var i = 0; i < 2000; i++)
        {
            var (type, payload) = await to.NextAsync();
            Assert.Equal((DerpFrameType.RecvPacket, i), (type, BitConverter.ToInt32(payload, 32)));
            window.Release();
        }

        await sending;
    }

    private static async Task<DerpTestClient> ConnectAsync(DerpServer server, Socket listener)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint!);
        var accepted = new NetworkStream(await listener.AcceptAsync(), ownsSocket: true);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 64 * 1024));
        var pump = pipe.Reader.CopyToAsync(accepted);
        var transport = new DerpTransport(
            PipeReader.Create(accepted, new StreamPipeReaderOptions(bufferSize: 2048, leaveOpen: true)),
            new DerpPipeOutput(pipe.Writer));
        var served = ServeAsync();
        var stream = new NetworkStream(client, ownsSocket: true);
        return await new DerpTestClient(NodePrivateKey.Generate(), PipeReader.Create(stream), PipeWriter.Create(stream), served)
            .GreetAsync();

        async Task<DerpCloseReason> ServeAsync()
        {
            var reason = await server.RunAsync(transport, CancellationToken.None);
            await pump;
            await accepted.DisposeAsync();
            return reason;
        }
    }
}
