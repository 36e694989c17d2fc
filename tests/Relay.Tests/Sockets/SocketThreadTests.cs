using System.Net.Sockets;
using Relay.Streams;
using Relay.Streams.Resumption;
using Relay.Tests.Derp;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

/// <summary>Occupies the thread pool, or counts what the process allocates: alone.</summary>
[CollectionDefinition(nameof(SocketThreadTests), DisableParallelization = true)]
[Collection(nameof(SocketThreadTests))]
public class SocketThreadTests
{
    [Fact]
    [Trait("Needs", "InlineCompletions")]
    public async Task EchoesPassWhileEveryThreadOfThePoolIsBusyWithRequests()
    {
        await using var rig = new StreamRig();
        var (client, backend, run) = await rig.StartAsync();
        var frame = Frames.Make(Frames.Binary, 200, masked: true);
        client.Send(frame);
        await StreamRig.ReceiveAsync(backend, frame.Length);

        var probe = Starve(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                Exchange(client, backend, frame);
            }
        });

        Assert.False(probe);
        client.Dispose();
        backend.Dispose();
        await run.Soon();
    }

    [Fact]
    [Trait("Needs", "InlineCompletions")]
    public async Task KeystrokesPassWhileEveryThreadOfThePoolIsBusyWithRequests()
    {
        var (nearClient, client) = await Loopback.PairAsync();
        var (nearServer, server) = await Loopback.PairAsync();
        await using var first = new SocketTransport(nearServer);
        await using var rig = new StreamRig();
        var terminal = new ResumableServer(
            first,
            static _ => Task.FromResult<AttachResult>(new AttachResult.Refused()),
            new ResumeOptions(),
            new StreamMetrics(rig.Meters),
            rig.Clock);
        var run = rig.Run(new SocketTransport(nearClient), terminal, StreamFraming.WebSocket, StreamKind.Other);
        var typed = Frames.Make(Frames.Binary, "{\"data\":\"k\"}"u8.ToArray(), masked: true);
        var shown = Frames.Make(Frames.Binary, "k"u8.ToArray(), masked: false);
        client.Send(typed);
        Assert.Equal(typed, await StreamRig.ReceiveAsync(server, typed.Length));
        server.Send(shown);
        Assert.Equal(shown, await StreamRig.ReceiveAsync(client, shown.Length));

        var probe = Starve(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                Exchange(client, server, typed);
                Exchange(server, client, shown);
            }
        });

        Assert.False(probe);
        client.Dispose();
        server.Dispose();
        await rig.AdvanceUntilAsync(run);
    }

    [Fact]
    [Trait("Needs", "InlineCompletions")]
    public async Task PacketsPassWhileEveryThreadOfThePoolIsBusyWithRequests()
    {
        await using var rig = new DerpSocketRig();
        var (_, from) = await rig.ConnectAsync();
        var (to, receiver) = await rig.ConnectAsync();
        var packet = DerpTestClient.Packet(to.Key, new byte[300]);
        from.Send(packet);
        await to.NextAsync();

        var probe = Starve(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                Exchange(from, receiver, packet);
            }
        });

        Assert.False(probe);
    }

    [Fact]
    public async Task RelayingPacketsBetweenSocketsAllocatesNothing()
    {
        await using var rig = new DerpSocketRig();
        var (_, from) = await rig.ConnectAsync();
        var (to, receiver) = await rig.ConnectAsync();
        var packet = DerpTestClient.Packet(to.Key, new byte[1200]);
        from.Send(packet);
        await to.NextAsync();
        const int Packets = 4000;
        var least = long.MaxValue;
        for (var round = 0; round < 6; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await ExchangeAsync(from, receiver, packet, Packets);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{(double)least / Packets:F3} bytes a packet");

        // Half of what one smallest object would take for each two packets.
        Assert.InRange(least, 0, Packets * 12);
    }

    [Fact]
    public async Task RelayingPacketsBetweenTlsSessionsAllocatesNothing()
    {
        await using var rig = new DerpSocketRig();
        var (_, from) = await rig.ConnectTlsAsync();
        var (to, receiver) = await rig.ConnectTlsAsync();
        var packet = DerpTestClient.Packet(to.Key, new byte[1200]);
        await from.WriteAsync(packet, TestContext.Current.CancellationToken);
        await to.NextAsync();
        const int Packets = 4000;
        var buffer = new byte[packet.Length];
        var least = long.MaxValue;
        for (var round = 0; round < 6; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < Packets; i++)
            {
                await from.WriteAsync(packet.AsMemory(), CancellationToken.None);
                for (var got = 0; got < packet.Length;)
                {
                    got += await receiver.ReadAsync(buffer.AsMemory(got), CancellationToken.None);
                }
            }

            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{(double)least / Packets:F3} bytes a packet");
        Assert.InRange(least, 0, Packets * 12);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(8, 4)]
    [InlineData(128, 16)]
    public void SocketThreadsAreHalfOfTheProcessors(int processors, int threads) =>
        Assert.Equal(threads, SocketThreads.CountFor(processors));

    // A receive that blocks would allocate; one that is awaited does not.
    private static async Task ExchangeAsync(Socket from, Socket to, byte[] bytes, int count)
    {
        var buffer = new byte[bytes.Length];
        for (var i = 0; i < count; i++)
        {
            await from.SendAsync(bytes.AsMemory(), SocketFlags.None, CancellationToken.None);
            for (var got = 0; got < bytes.Length;)
            {
                got += await to.ReceiveAsync(buffer.AsMemory(got), SocketFlags.None, CancellationToken.None);
            }
        }
    }

    // Sends, and waits on this thread until as many bytes have arrived at the other side. It uses poll(2), because a receive
    // of .NET that finds nothing yet may need a pool thread to wake up.
    private static void Exchange(Socket from, Socket to, byte[] bytes)
    {
        from.Send(bytes);
        Span<byte> buffer = stackalloc byte[4096];
        for (var got = 0; got < bytes.Length;)
        {
            Assert.True(to.Poll(SoonExtensions.Guard, SelectMode.SelectRead), $"{got} bytes of {bytes.Length} came");
            got += to.Receive(buffer[..Math.Min(buffer.Length, bytes.Length - got)]);
        }
    }

    /// <summary>
    /// Runs an action on its own thread while all pool threads are blocked. Tells whether the pool was asked for anything else.
    /// </summary>
    private static bool Starve(Action action)
    {
        const int Requests = 300;
        using var release = new ManualResetEventSlim();
        using var started = new CountdownEvent(2);
        var left = new CountdownEvent(Requests);
        for (var i = 0; i < Requests; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    if (!started.IsSet)
                    {
                        started.Signal();
                    }

                    release.Wait();
                    left.Signal();
                },
                null);
        }

        var cameThrough = false;
        ThreadPool.UnsafeQueueUserWorkItem(_ => Volatile.Write(ref cameThrough, true), null);
        Exception? failure = null;
        var probed = false;
        var thread = new Thread(() =>
        {
            try
            {
                started.Wait(SoonExtensions.Guard);
                action();
                probed = Volatile.Read(ref cameThrough);
            }
            catch (Exception error)
            {
                failure = error;
            }
            finally
            {
                release.Set();
            }
        });
        thread.Start();
        thread.Join();
        left.Wait(SoonExtensions.Guard);
        Assert.Null(failure);
        return probed;
    }
}
