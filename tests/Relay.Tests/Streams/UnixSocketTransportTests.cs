using System.Net.Sockets;
using Relay.Streams;

namespace Relay.Tests.Streams;

public class UnixSocketTransportTests
{
    [Fact]
    public async Task AUnixSocketCarriesBytesAndEndsInOrder()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("relay").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var near = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await near.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
        using var far = await listener.AcceptAsync(TestContext.Current.CancellationToken);

        await using var rig = new StreamRig();
        var (nearClient, client) = await Loopback.PairAsync();
        using var held = client;
        var run = rig.Run(new SocketTransport(nearClient), new SocketTransport(near), StreamFraming.WebSocket, StreamKind.Other);
        var frame = Frames.Make(Frames.Text, 1000, masked: true);
        await StreamRig.SendAsync(client, frame);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(frame, await StreamRig.ReceiveToEndAsync(far));
        far.Shutdown(SocketShutdown.Both);
        Assert.Empty(await StreamRig.ReceiveToEndAsync(client));
        Assert.Equal(StreamCloseReason.ClientClosed, (await run.Soon()).Reason);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public async Task ABackendOnAUnixSocketThatIsGoneAbortsTheClient()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("relay").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var near = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await near.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
        var far = await listener.AcceptAsync(TestContext.Current.CancellationToken);

        await using var rig = new StreamRig();
        var (nearClient, client) = await Loopback.PairAsync();
        using var held = client;
        var run = rig.Run(new SocketTransport(nearClient), new SocketTransport(near), StreamFraming.WebSocket, StreamKind.Other);
        await StreamRig.SendAsync(far, Frames.Make(Frames.Text, 100, masked: false)[..10]);
        far.Dispose();
        await StreamRig.AssertResetAsync(client);
        Assert.Equal(StreamCloseReason.BackendCutMidFrame, (await run.Soon()).Reason);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }
}
