using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Relay.Streams;
using Relay.Tests.Sockets;

namespace Relay.Tests.Streams;

public sealed class TlsTransportTests : IAsyncLifetime
{
    private readonly StreamRig _rig = new();
    private readonly X509Certificate2 _certificate = TlsPair.SelfSigned();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _rig.DisposeAsync();
        _certificate.Dispose();
    }

    [Fact]
    public async Task BytesAndTheEndsOfBothDirectionsPassThroughTls()
    {
        var (client, backend, run) = await StartAsync();
        var frame = Frames.Make(Frames.Binary, 200_000, masked: true);
        await StreamRig.SendAsync(client, frame);
        var received = new byte[frame.Length];
        await backend.ReadExactlyAsync(received, TestContext.Current.CancellationToken).AsTask().Soon();
        Assert.Equal(frame, received);

        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await backend.ReadAsync(received, TestContext.Current.CancellationToken).Soon());
        var answer = Frames.Make(Frames.Text, 1000, masked: false);
        await backend.WriteAsync(answer, TestContext.Current.CancellationToken);
        Assert.Equal(answer, await StreamRig.ReceiveAsync(client, answer.Length));
        await backend.ShutdownAsync();
        Assert.Empty(await StreamRig.ReceiveToEndAsync(client));
        Assert.Equal(StreamCloseReason.ClientClosed, (await run.Soon()).Reason);
    }

    [Fact]
    public async Task ADrainWakesAReadOnTlsWithoutHarm()
    {
        var (client, backend, run) = await StartAsync();
        var drain = _rig.Relay.DrainAsync(TimeSpan.Zero, TestContext.Current.CancellationToken);
        var close = new byte[31];
        await backend.ReadExactlyAsync(close, TestContext.Current.CancellationToken).AsTask().Soon();
        Assert.Equal((0x88, 0x80 | 25), (close[0], close[1]));
        await StreamRig.ReceiveAsync(client, 27);
        await backend.WriteAsync(Frames.CloseWith(1001, masked: false), TestContext.Current.CancellationToken);
        await StreamRig.SendAsync(client, Frames.CloseWith(1001, masked: true));
        var report = await run.Soon();
        await drain.Soon();
        Assert.Equal((StreamCloseReason.Drained, 1001, 1001), (report.Reason, report.ClientCloseCode, report.BackendCloseCode));
        Assert.Equal(0, await backend.ReadAsync(close, TestContext.Current.CancellationToken).Soon());
    }

    private async Task<(Socket Client, SslStream Backend, Task<StreamReport> Run)> StartAsync()
    {
        var (nearClient, client) = await Loopback.PairAsync();
        var (nearBackend, farBackend) = await Loopback.PairAsync();
        var far = new SslStream(new NetworkStream(farBackend, ownsSocket: true), leaveInnerStreamOpen: false);
        var near = SocketTransport.AuthenticateAsClientAsync(
            nearBackend,
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    certificate?.GetCertHashString() == _certificate.GetCertHashString(),
            },
            TestContext.Current.CancellationToken);
        await Task.WhenAll(far.AuthenticateAsServerAsync(_certificate), near).Soon();
        var run = _rig.Run(new SocketTransport(nearClient), await near, StreamFraming.WebSocket, StreamKind.Other);
        return (client, far, run);
    }
}
