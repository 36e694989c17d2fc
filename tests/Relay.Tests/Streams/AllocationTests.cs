using System.Net.Sockets;
using Relay.Streams;
using Relay.Streams.Resumption;

namespace Relay.Tests.Streams;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public class AllocationTests
{
    private const int Messages = 8_000;
    private const int SmallestObject = 24;

    /// <summary>
    /// Everything in the process counts here: the test's own two loops, and now and then a 32 KiB buffer that the shared pool makes anew
    /// because a thread had none. So the bound is half of what one smallest object would take for each two messages.
    /// </summary>
    [Fact]
    public async Task ASteadyStreamAllocatesNothingPerMessage()
    {
        await using var rig = new StreamRig();
        var (client, backend, run) = await rig.StartAsync();
        var frame = Frames.Make(Frames.Binary, 200, masked: true);
        await AllocatesNothingAsync(client, EchoAsync(backend), run, frame, frame.Length);
    }

    [Fact]
    public async Task ATerminalThatCanBeResumedAllocatesNothingPerMessage()
    {
        await using var rig = new StreamRig();
        var (nearClient, client) = await Loopback.PairAsync();
        var (nearBackend, backend) = await Loopback.PairAsync();
        await using var near = new SocketTransport(nearBackend);
        var server = new ResumableServer(
            near, static _ => Task.FromResult<AttachResult>(new AttachResult.Unavailable()), new ResumeOptions(),
            new StreamMetrics(rig.Meters), rig.Clock);
        var run = rig.Run(new SocketTransport(nearClient), server, StreamFraming.WebSocket, StreamKind.Other);
        var frame = Frames.Make(Frames.Binary, "{\"data\":\"keystroke\"}"u8.ToArray(), masked: true);
        var answer = Frames.Make(Frames.Binary, 200, masked: false);
        await AllocatesNothingAsync(client, AnswerAsync(backend, frame.Length, answer), run, frame, answer.Length);
    }

    private static async Task AllocatesNothingAsync(Socket client, Task backend, Task<StreamReport> run, byte[] frame, int answer)
    {
        await PingPongAsync(client, frame, answer, Messages);
        var least = long.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await PingPongAsync(client, frame, answer, Messages);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        client.Dispose();
        await backend.Soon();
        await run.Soon();
        TestContext.Current.TestOutputHelper?.WriteLine($"{(double)least / Messages:F3} bytes a message, there and back");
        Assert.InRange(least, 0, Messages * SmallestObject / 2);
    }

    private static async Task PingPongAsync(Socket client, byte[] frame, int expected, int count)
    {
        var answer = new byte[expected];
        for (var i = 0; i < count; i++)
        {
            await client.SendAsync(frame.AsMemory(), SocketFlags.None, CancellationToken.None);
            for (var at = 0; at < answer.Length;)
            {
                at += await client.ReceiveAsync(answer.AsMemory(at), SocketFlags.None, CancellationToken.None);
            }
        }
    }

    private static async Task EchoAsync(Socket backend)
    {
        var bytes = new byte[4096];
        while (await backend.ReceiveAsync(bytes.AsMemory(), SocketFlags.None, CancellationToken.None) is > 0 and var got)
        {
            await backend.SendAsync(bytes.AsMemory(0, got), SocketFlags.None, CancellationToken.None);
        }

        backend.Shutdown(SocketShutdown.Send);
    }

    private static async Task AnswerAsync(Socket backend, int frame, byte[] answer)
    {
        var bytes = new byte[frame];
        while (await backend.ReceiveAsync(bytes.AsMemory(), SocketFlags.None, CancellationToken.None) > 0)
        {
            await backend.SendAsync(answer.AsMemory(), SocketFlags.None, CancellationToken.None);
        }

        backend.Shutdown(SocketShutdown.Send);
    }
}
