using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Stun;

namespace EndToEnd.Derp;

/// <summary>
/// Requests that keep threads busy do not delay packets, and neither requests nor the relay delay STUN. The tests look at
/// the order of events, not at times: the packets must arrive while everything else is still blocked. They use the threads
/// of the whole process, and so run alone.
/// </summary>
[CollectionDefinition(nameof(IsolationTests), DisableParallelization = true)]
[Collection(nameof(IsolationTests))]
public class IsolationTests
{
    [Theory]
    [InlineData(false, 200)]
    [InlineData(true, 40)]
    public async Task PacketsAndStunPassWhileRequestsKeepEveryThread(bool burns, int packets)
    {
        const int Requests = 300;
        using var held = new HeldRequests(burns);
        await using var edge = await TestNode.StartAsync(
            TimeProvider.System, waitUntilReady: true, held.AddTo, "Edge:Mode=relay", "Edge:Limits:MaxConnectionsPerAddress=0");
        using var from = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var to = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var stun = Udp();
        var requests = new List<RawClient>();
        for (var i = 0; i < Requests; i++)
        {
            requests.Add(await RawClient.ConnectAsync(edge.PublicUrl));
        }

        var (entered, left) = (0, 0);
        await OnAThreadOfItsOwnAsync(
            () =>
            {
                requests.ForEach(static request => request.Socket.Send("GET /held HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8));
                Assert.True(held.WaitForFirst(TestNode.Patience));
                for (var i = 0; i < packets; i++)
                {
                    Exchange(from, to, new byte[1200]);
                    Ask(stun, edge.Node.StunEndPoints.Single());
                }

                (entered, left) = (held.Entered, held.Left);
            },
            held.Release);

        // Some requests had no thread yet, so the thread pool had none left.
        Assert.InRange(entered, 1, Requests - 1);
        Assert.Equal(0, left);
        foreach (var request in requests)
        {
            Assert.StartsWith("HTTP/1.1 200 ", await request.ReceiveAllAsync(), StringComparison.Ordinal);
            request.Dispose();
        }

        Assert.Equal((Requests, Requests), (held.Entered, held.Left));
    }

    [Fact]
    public async Task StunAnswersWhileTheRelayItselfIsHeld()
    {
        using var clock = new HoldingClock();

        // With a rate limit the relay looks at the clock for each packet.
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=relay", "Relay:Derp:RateLimitPerClient=100000000");
        using var receiver = await DerpPeer.JoinAsync(edge.PublicUrl);
        var senders = new List<DerpPeer>();
        for (var i = 0; i < 16; i++)
        {
            senders.Add(await DerpPeer.JoinAsync(edge.PublicUrl));
        }

        using var stun = Udp();
        await OnAThreadOfItsOwnAsync(
            () =>
            {
                clock.Hold();
                senders.ForEach(sender => sender.Socket.Send(DerpPeer.Packet(receiver.Key, [1])));
                Assert.True(clock.WaitForFirst(TestNode.Patience));
                for (var i = 0; i < 100; i++)
                {
                    Ask(stun, edge.Node.StunEndPoints.Single());
                }
            },
            clock.Release);

        for (var i = 0; i < senders.Count; i++)
        {
            Assert.Equal(Relay.Derp.Wire.DerpFrameType.RecvPacket, (await receiver.NextAsync()).Type);
        }

        senders.ForEach(static sender => sender.Dispose());
    }

    private static Socket Udp()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static void Exchange(DerpPeer from, DerpPeer to, byte[] packet)
    {
        from.Socket.Send(DerpPeer.Packet(to.Key, packet));
        var expected = 5 + 32 + packet.Length;
        for (var got = 0; got < expected;)
        {
            got += Receive(to.Socket, expected - got).Length;
        }
    }

    private static void Ask(Socket socket, IPEndPoint server)
    {
        var transaction = Encoding.ASCII.GetBytes("twelve bytes");
        var request = new byte[StunBinding.RequestLength];
        StunBinding.WriteRequest(request, transaction);
        socket.SendTo(request, server);
        Assert.True(StunBinding.TryReadResponse(Receive(socket, StunBinding.MaxResponseLength), transaction, out var seen));
        Assert.Equal(socket.LocalEndPoint, seen);
    }

    // By poll(2): a receive of .NET that finds nothing yet may need a thread of the pool to be woken.
    private static byte[] Receive(Socket socket, int most)
    {
        Assert.True(socket.Poll(TestNode.Patience, SelectMode.SelectRead), "nothing came");
        var buffer = new byte[most];
        return buffer[..socket.Receive(buffer)];
    }

    // Runs without the thread pool, and always releases the held requests.
    private static Task OnAThreadOfItsOwnAsync(Action action, Action release)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                action();
                done.SetResult();
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
            finally
            {
                release();
            }
        }).Start();
        return done.Task;
    }
}
