using System.Net.Sockets;
using System.Security.Cryptography;

namespace Peers.Kernel;

/// <summary>The product's TCP against Linux' TCP.</summary>
public sealed class KernelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0, 32 << 20)]
    [InlineData(0.01, 4 << 20)]
    [InlineData(0.1, 256 << 10)]
    public async Task BytesArriveWholeBothWays(double loss, int bytes)
    {
        using var device = TunDevice.Create();
        using var peer = new KernelPeer(device, loss);
        await using var stream = peer.Connect();
        var accepting = device.Listener.AcceptAsync();
        await stream.ConnectAsync(CancellationToken.None).AsTask().WaitAsync(Patience);
        await using var kernel = new NetworkStream(await accepting.WaitAsync(Patience), ownsSocket: true);
        var (up, down) = (RandomNumberGenerator.GetBytes(bytes), RandomNumberGenerator.GetBytes(bytes));

        var sent = Task.WhenAll(
            Task.Run(async () =>
            {
                await stream.WriteAsync(up);
                stream.CompleteWrites();
            }),
            Task.Run(async () =>
            {
                await kernel.WriteAsync(down);
                kernel.Socket.Shutdown(SocketShutdown.Send);
            }));
        var atKernel = HashAsync(kernel);
        var here = HashAsync(stream);

        Assert.Equal(Convert.ToHexString(SHA256.HashData(up)), await atKernel.WaitAsync(Patience));
        Assert.Equal(Convert.ToHexString(SHA256.HashData(down)), await here.WaitAsync(Patience));
        await sent.WaitAsync(Patience);
    }

    [Fact]
    public async Task AKernelThatDoesNotReadShutsTheWindowAndGetsAllWhenItReads()
    {
        using var device = TunDevice.Create();
        device.Listener.ReceiveBufferSize = 64 << 10;
        using var peer = new KernelPeer(device, 0);
        await using var stream = peer.Connect();
        var accepting = device.Listener.AcceptAsync();
        await stream.ConnectAsync(CancellationToken.None).AsTask().WaitAsync(Patience);
        await using var kernel = new NetworkStream(await accepting.WaitAsync(Patience), ownsSocket: true);
        var bytes = RandomNumberGenerator.GetBytes(4 << 20);
        var write = stream.WriteAsync(bytes).AsTask();

        // The kernel's buffer is full, and then ours.
        await Eventually.TrueAsync(() => peer.Context.Buffers.Held > 200 << 10, "the buffer fills");
        Assert.False(write.IsCompleted);

        var read = HashAsync(kernel);
        await write.WaitAsync(Patience);
        stream.CompleteWrites();
        Assert.Equal(Convert.ToHexString(SHA256.HashData(bytes)), await read.WaitAsync(Patience));
    }

    [Fact]
    public async Task APortWithoutListenerIsRefused()
    {
        using var device = TunDevice.Create();
        device.Listener.Dispose();
        using var peer = new KernelPeer(device, 0);
        await using var stream = peer.Connect();

        var error = await Assert.ThrowsAsync<Tailnet.Ip.Tcp.TcpException>(
            () => stream.ConnectAsync(CancellationToken.None).AsTask().WaitAsync(Patience));

        Assert.Equal(Tailnet.Ip.Tcp.TcpCloseReason.Refused, error.Reason);
    }

    private static async Task<string> HashAsync(Stream stream) =>
        Convert.ToHexString(await SHA256.HashDataAsync(stream, CancellationToken.None));
}
