using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Edge.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Relay.Streams;

namespace Edge.Tests.Listeners;

/// <summary>A stream takes over the socket of the HTTP layer.</summary>
public class HandOverTests
{
    private const string Upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n";
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ItKeepsItsPlacesWhileItLivesAndNoByteIsLost(bool tls)
    {
        await using var host = await StartAsync(EchoAsync, tls: tls);
        await using var stream = await ConnectAsync(host, tls);

        // The client sends the stream's first bytes right after the request head, before the answer.
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade + "first"), Cancel);
        await ReadUntilAsync(stream, "\r\n\r\nfirst");
        await stream.WriteAsync("second"u8.ToArray(), Cancel);
        Assert.Equal("second", await AccessHost.ReadExactlyAsync(stream, "second".Length));
        Assert.Equal((1, 1, 1), (host.Connections.Counter.Total, host.Connections.Counter.Addresses, host.Connections.Detached.Count));

        if (stream is SslStream session)
        {
            await session.ShutdownAsync();
        }
        else
        {
            ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        }

        Assert.Equal(string.Empty, await AccessHost.ReadToEndAsync(stream));
        await UntilAsync(
            () => host.Connections.Counter.Total == 0 && host.Connections.Counter.Addresses == 0 && host.Connections.Detached.Count == 0);
        Assert.Empty(host.Complaints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NothingOfTheRequestIsKept(bool tls)
    {
        // With TLS the connection object stays, but without the HTTP features.
        var connection = new TaskCompletionSource<WeakReference>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(
            EchoAsync,
            context => connection.TrySetResult(
                new WeakReference(tls ? context.Features.Get<IHttpRequestFeature>() : context.Features.Get<IConnectionDetachFeature>())),
            tls: tls);
        await using var stream = await ConnectAsync(host, tls);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade + "first"), Cancel);
        await ReadUntilAsync(stream, "\r\n\r\nfirst");
        var reference = await connection.Task.WaitAsync(Guard, Cancel);

        await UntilAsync(() =>
        {
            GC.Collect();
            return !reference.IsAlive;
        });

        await stream.WriteAsync("second"u8.ToArray(), Cancel);
        Assert.Equal("second", await AccessHost.ReadExactlyAsync(stream, "second".Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnAbortOfTheRequestAfterwardsHasNoEffectAndNothingIsAnswered(bool tls)
    {
        // DERP fast start: the server sends no HTTP answer.
        await using var host = await StartAsync(EchoAsync, static context => context.Abort(), answer: false, tls: tls);
        await using var stream = await ConnectAsync(host, tls);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade + "first"), Cancel);
        Assert.Equal("first", await AccessHost.ReadExactlyAsync(stream, "first".Length));
    }

    [Fact]
    public async Task AStopThatMayWaitNoLongerResetsIt()
    {
        await using var host = await StartAsync(EchoAsync);
        await using var stream = await host.ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade + "first"), Cancel);
        await ReadUntilAsync(stream, "\r\n\r\nfirst");

        // The server itself has no connection any more.
        await host.StopAsync(Cancel).WaitAsync(Guard, Cancel);
        using var deadline = new CancellationTokenSource();
        var end = host.Connections.Detached.EndAsync(deadline.Token);
        Assert.False(end.IsCompleted);
        await deadline.CancelAsync();
        await end.WaitAsync(Guard, Cancel);

        var error = await Assert.ThrowsAsync<IOException>(() => AccessHost.ReadToEndAsync(stream));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        Assert.Equal(0, host.Connections.Counter.Total);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFaultEndsItsConnectionAndIsLogged(bool tls)
    {
        await using var host = await StartAsync(static _ => throw new InvalidOperationException("A fault."), tls: tls);
        await using var stream = await ConnectAsync(host, tls);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade), Cancel);
        await AccessHost.ReadToEndAsync(stream);
        await UntilAsync(() => host.Connections.Counter.Total == 0);
        Assert.Single(host.Complaints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BeforeItAClientThatGoesCancelsItsRequestEvenBehindABodyThatNobodyReads(bool reset)
    {
        var started = new TaskCompletionSource();
        var aborted = new TaskCompletionSource();
        await using var host = await AccessHost.StartAsync(pipeline: app => app.Run(async context =>
        {
            using var registration = context.RequestAborted.Register(() => aborted.TrySetResult());
            started.SetResult();
            await aborted.Task;
        }));
        var stream = await host.ConnectAsync();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + new string('x', 50_000)), Cancel);
        await started.Task.WaitAsync(Guard, Cancel);
        if (reset)
        {
            stream.Socket.LingerState = new LingerOption(true, 0);
        }

        await stream.DisposeAsync();
        await aborted.Task.WaitAsync(Guard, Cancel);
    }

    [Fact]
    public async Task ATlsStreamThatIsCutByAStopIsReset()
    {
        await using var host = await StartAsync(EchoAsync, tls: true);
        await using var stream = await host.ConnectTlsAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade + "first"), Cancel);
        await ReadUntilAsync(stream, "\r\n\r\nfirst");

        // The server waits for the TLS layer, which waits for the stream.
        var stop = host.StopAsync(Cancel);
        Assert.False(stop.IsCompleted);
        await host.Connections.Detached.EndAsync(new CancellationToken(canceled: true)).WaitAsync(Guard, Cancel);
        await stop.WaitAsync(Guard, Cancel);
        var error = await Assert.ThrowsAsync<IOException>(() => AccessHost.ReadToEndAsync(stream));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        Assert.Equal((0, 0), (host.Connections.Counter.Total, host.Connections.Detached.Count));
    }

    private static async Task<Stream> ConnectAsync(AccessHost host, bool tls) =>
        tls ? await host.ConnectTlsAsync() : await host.ConnectAsync();

    private static Task<AccessHost> StartAsync(
        Func<SocketTransport, Task> session, Action<HttpContext>? afterwards = null, bool tls = false, bool answer = true) =>
        AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                var connection = context.Features.GetRequiredFeature<IConnectionDetachFeature>();
                connection.TakeOver();
                if (answer)
                {
                    await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
                }

                Assert.True(connection.TryDetach(session));
                afterwards?.Invoke(context);
            }),
            connections: new EdgeConnectionOptions { MaxConnectionsPerAddress = 10 },
            tls: tls);

    private static async Task EchoAsync(SocketTransport transport)
    {
        transport.BeginRelay();
        while (true)
        {
            var read = await transport.Input.ReadAsync();
            foreach (var piece in read.Buffer)
            {
                await transport.Output.WriteAsync(piece);
            }

            transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                await transport.CompleteOutputAsync();
                return;
            }
        }
    }

    private static async Task ReadUntilAsync(Stream stream, string end)
    {
        var text = string.Empty;
        while (!text.EndsWith(end, StringComparison.Ordinal))
        {
            text += await AccessHost.ReadExactlyAsync(stream, 1);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var guard = new CancellationTokenSource(Guard);
        while (!condition())
        {
            guard.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
