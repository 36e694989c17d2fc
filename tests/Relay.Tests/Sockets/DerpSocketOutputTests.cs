using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Tests.Derp;
using Relay.Tests.Streams;

namespace Relay.Tests.Sockets;

public class DerpSocketOutputTests
{
    [Fact]
    public async Task AFullSocketTakesNothingUntilItCallsBackAndNoByteIsLostOrDoubled()
    {
        var (near, far) = await Loopback.PairAsync(64 * 1024);
        using var held = far;
        using var output = new DerpSocketOutput(near);
        var writable = new SemaphoreSlim(0);
        output.OnWritable(() => writable.Release());
        var bytes = new byte[4_000_000];
        new Random(5).NextBytes(bytes);
        var sent = output.TrySend(bytes);
        Assert.InRange(sent, 1, bytes.Length - 1);
        Assert.False(output.IsWritable);
        Assert.Equal(0, output.TrySend(bytes.AsSpan(sent)));

        var reading = StreamRig.ReceiveAsync(far, bytes.Length);
        while (sent < bytes.Length)
        {
            Assert.True(await writable.WaitAsync(SoonExtensions.Guard));
            sent += output.TrySend(bytes.AsSpan(sent));
        }

        Assert.Equal(bytes, await reading);
        near.Dispose();
    }

    [Fact]
    public async Task ABrokenSocketTakesEverythingAndForgetsIt()
    {
        var (near, far) = await Loopback.PairAsync();
        using var output = new DerpSocketOutput(near);
        output.OnWritable(static () => { });
        far.Dispose();
        near.Dispose();
        Assert.Equal(1000, output.TrySend(new byte[1000]));
        Assert.True(output.IsWritable);
    }

    [Fact]
    public async Task AStoppedReceiversOldPacketsGoAndItsNewestStay()
    {
        await using var rig = new DerpSocketRig();
        var (from, _) = await rig.ConnectAsync();
        var (to, _) = await rig.ConnectAsync();
        const int Count = 20_000;
        for (var i = 0; i < Count; i++)
        {
            var packet = new byte[1200];
            BitConverter.TryWriteBytes(packet, i);
            await from.SendAsync(to.Key, packet);
        }

        // A pong tells that the server has handled all of them.
        await from.WriteAsync(DerpTestClient.Frame(DerpFrameType.Ping, new byte[8]));
        Assert.Equal(DerpFrameType.Pong, (await from.NextAsync()).Type);
        var (last, received) = (-1, 0);
        while (last < Count - 1)
        {
            var (type, payload) = await to.NextAsync();
            Assert.Equal(DerpFrameType.RecvPacket, type);
            var number = BitConverter.ToInt32(payload, 32);
            Assert.True(number > last);
            (last, received) = (number, received + 1);
        }

        Assert.InRange(received, 128, Count - 1);
    }

    [Fact]
    public async Task UnsentBytesInTheKernelAreBounded()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var (near, far) = await Loopback.PairAsync();
        using var held = far;
        using var output = new DerpSocketOutput(near);
        var value = new byte[4];
        near.GetRawSocketOption(6, 25, value);
        Assert.Equal(256 * 1024, BitConverter.ToInt32(value));
        near.Dispose();
    }
}
