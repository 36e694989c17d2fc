using System.IO.Pipelines;
using System.Net.Sockets;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Streams;
using Relay.Tests.Derp;
using Relay.Tests.Streams;

namespace Relay.Tests.Sockets;

/// <summary>
/// A DERP server whose clients come by real sockets, on the transport that the program gives it. Its clock stands still: on a busy machine
/// a client that does not read for a while would reach the write time-out.
/// </summary>
internal sealed class DerpSocketRig : IAsyncDisposable
{
    private readonly List<(Socket Far, Task Served)> _clients = [];

    public DerpServer Server { get; } = new(NodePrivateKey.Generate(), new DerpServerOptions(), new ManualTimeProvider());

    /// <summary>A client that is let in already, and its socket for those who want to use it without pipes.</summary>
    public async Task<(DerpTestClient Client, Socket Socket)> ConnectAsync()
    {
        var (near, far) = await Loopback.PairAsync();
        var served = ServeAsync(near);
        _clients.Add((far, served));
        var stream = new NetworkStream(far);
        var client = new DerpTestClient(NodePrivateKey.Generate(), PipeReader.Create(stream), PipeWriter.Create(stream), served);
        return (await client.GreetAsync(), far);
    }

    /// <summary>A socket on whose other end the server has begun, for a client of another kind.</summary>
    public async Task<Socket> ConnectSocketAsync()
    {
        var (near, far) = await Loopback.PairAsync();
        _clients.Add((far, ServeAsync(near)));
        return far;
    }

    /// <summary>A client that is let in already, over TLS.</summary>
    public async Task<(DerpTestClient Client, Stream Far)> ConnectTlsAsync()
    {
        var pair = await TlsPair.CreateAsync();
        var served = ServeTlsAsync(pair.Transport());
        _clients.Add((pair.FarSocket, served));
        var client = new DerpTestClient(NodePrivateKey.Generate(), PipeReader.Create(pair.Far), PipeWriter.Create(pair.Far), served);
        return (await client.GreetAsync(), pair.Far);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (far, served) in _clients)
        {
            far.Dispose();
            await served.Soon();
        }

        Server.Dispose();
    }

    private async Task<DerpCloseReason> ServeTlsAsync(SocketTransport near)
    {
        await using var transport = near;
        return await Server.RunAsync(
            new DerpTransport(transport.Input, new DerpPipeOutput(transport.Output)) { Established = transport.BeginRelay },
            CancellationToken.None);
    }

    private async Task<DerpCloseReason> ServeAsync(Socket near)
    {
        await using var transport = new SocketTransport(near);
        using var output = new DerpSocketOutput(near);
        return await Server.RunAsync(
            new DerpTransport(transport.Input, output) { Established = transport.BeginRelay }, CancellationToken.None);
    }
}
