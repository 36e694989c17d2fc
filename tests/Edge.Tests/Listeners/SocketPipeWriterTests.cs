using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Edge.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Relay.Streams;
using Sockets;

namespace Edge.Tests.Listeners;

public class SocketPipeWriterTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PipelinedRequestsOnOneConnectionAreAnsweredInOrder()
    {
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(context => context.Response.WriteAsync(context.Request.Path, Cancel)));
        await using var stream = await host.ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            Cancel);

        var all = await AccessHost.ReadToEndAsync(stream);

        Assert.Equal(3, all.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.True(all.IndexOf("/a", StringComparison.Ordinal) < all.IndexOf("/b", StringComparison.Ordinal));
        Assert.True(all.IndexOf("/b", StringComparison.Ordinal) < all.IndexOf("/c", StringComparison.Ordinal));
        Assert.Empty(host.Complaints);
    }

    [Theory]
    [InlineData(false, HttpProtocols.Http1)]
    [InlineData(true, HttpProtocols.Http1)]
    [InlineData(false, HttpProtocols.Http2)]
    [InlineData(true, HttpProtocols.Http2)]
    public async Task BigBodiesPassBothWaysUnchanged(bool tls, HttpProtocols protocols)
    {
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body, Cancel);
                await context.Response.Body.WriteAsync(body.ToArray(), Cancel);
            }),
            tls: tls, protocols: protocols);
        using var client = host.Client(tls);
        var body = new byte[3_000_000];
        new Random(1).NextBytes(body);
        var version = protocols == HttpProtocols.Http2 ? HttpVersion.Version20 : HttpVersion.Version11;

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/")
            {
                Content = new ByteArrayContent(body),
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var response = await client.SendAsync(request, Cancel);
            return (response.Version, Bytes: await response.Content.ReadAsByteArrayAsync(Cancel));
        }));

        Assert.All(answers, answer => Assert.Equal(version, answer.Version));
        Assert.All(answers, answer => Assert.True(body.SequenceEqual(answer.Bytes)));
        Assert.Empty(host.Complaints);
    }

    [Fact]
    public async Task AClientThatReadsNothingAndVanishesEndsItsRequestWithoutComplaint()
    {
        var aborted = new TaskCompletionSource();
        await using var host = await AccessHost.StartAsync(pipeline: app => app.Run(async context =>
        {
            var chunk = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(chunk, Cancel);
            }

            aborted.SetResult();
        }));
        var stream = await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        await AccessHost.ReadExactlyAsync(stream, 1000);

        stream.Socket.LingerState = new LingerOption(true, 0);
        await stream.DisposeAsync();

        await aborted.Task.WaitAsync(Guard, Cancel);
        Assert.Empty(host.Complaints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnAbortedRequestReachesTheClientAsAReset(bool tls)
    {
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                await context.Response.Body.WriteAsync(new byte[10], Cancel);
                await context.Response.Body.FlushAsync(Cancel);
                context.Abort();
            }),
            tls: tls);
        await using Stream stream = tls ? await host.ConnectTlsAsync() : await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);

        var error = await Assert.ThrowsAsync<IOException>(() => AccessHost.ReadToEndAsync(stream));

        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        Assert.Empty(host.Complaints);
    }

    [Fact]
    public async Task AGracefulStopLetsARunningResponseFinish()
    {
        var started = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using var host = await AccessHost.StartAsync(pipeline: app => app.Run(async context =>
        {
            started.SetResult();
            await go.Task;
            await context.Response.WriteAsync("finished", Cancel);
        }));
        await using var stream = await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        await started.Task.WaitAsync(Guard, Cancel);

        var stop = host.StopAsync(Cancel);
        go.SetResult();

        Assert.Contains("finished", await AccessHost.ReadToEndAsync(stream), StringComparison.Ordinal);
        await stop.WaitAsync(Guard, Cancel);
        Assert.Equal(0, host.Connections.Counter.Total);
    }

    [Fact]
    public async Task AStopThatMayWaitNoLongerEndsAResponseNobodyReads()
    {
        var started = new TaskCompletionSource();
        await using var host = await AccessHost.StartAsync(pipeline: app => app.Run(async context =>
        {
            started.SetResult();
            await context.Response.Body.WriteAsync(new byte[64 * 1024 * 1024], Cancel);
        }));
        await using var stream = await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        await started.Task.WaitAsync(Guard, Cancel);

        await host.StopAsync(new CancellationToken(canceled: true)).WaitAsync(Guard, Cancel);

        // Kestrel's stop gives what it aborts one second of the machine's time, and leaves the rest to end by itself.
        await Eventually.TrueAsync(() => host.Connections.Counter.Total == 0, "the connection is over");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TheOutputEndsAloneWhileTheInputStaysReadable(bool tls)
    {
        var received = new TaskCompletionSource<string>();
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                await DetachAsync(context, async transport =>
                {
                    await transport.Output.WriteAsync(new byte[500_000], Cancel);
                    await transport.Output.WriteAsync("end"u8.ToArray(), Cancel);
                    await transport.CompleteOutputAsync();
                    received.SetResult(await ReadAllAsync(transport.Input));
                });
            }),
            tls: tls);
        await using Stream stream = tls ? await host.ConnectTlsAsync() : await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"u8.ToArray(), Cancel);

        // The server's end of stream comes first; only then does the client speak, and end.
        Assert.EndsWith("end", await AccessHost.ReadToEndAsync(stream), StringComparison.Ordinal);
        await stream.WriteAsync("still here"u8.ToArray(), Cancel);
        if (stream is System.Net.Security.SslStream ssl)
        {
            await ssl.ShutdownAsync();
        }
        else
        {
            ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        }

        Assert.Equal("still here", await received.Task.WaitAsync(Guard, Cancel));
        Assert.Empty(host.Complaints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AClientThatEndsItsDirectionStillGetsTheRest(bool tls)
    {
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                await DetachAsync(context, async transport =>
                {
                    var text = await ReadAllAsync(transport.Input);
                    await transport.Output.WriteAsync(new byte[500_000], Cancel);
                    await transport.Output.WriteAsync(Encoding.ASCII.GetBytes(text), Cancel);
                    await transport.CompleteOutputAsync();
                });
            }),
            tls: tls);
        await using Stream stream = tls ? await host.ConnectTlsAsync() : await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nping"u8.ToArray(), Cancel);

        // Kestrel gives up a request whose client ends its direction before the upgrade; after it, the stream is ours.
        await AccessHost.ReadExactlyAsync(stream, "HTTP/1.1 101".Length);
        if (stream is System.Net.Security.SslStream ssl)
        {
            await ssl.ShutdownAsync();
        }
        else
        {
            ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        }

        var all = await AccessHost.ReadToEndAsync(stream);

        Assert.EndsWith("ping", all, StringComparison.Ordinal);
        Assert.True(all.Length > 500_000);
        Assert.Empty(host.Complaints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AResetReachesTheClientAsAReset(bool tls)
    {
        await using var host = await AccessHost.StartAsync(
            pipeline: app => app.Run(async context =>
            {
                await DetachAsync(context, static transport =>
                {
                    transport.Abort();
                    return Task.CompletedTask;
                });
            }),
            tls: tls);
        await using Stream stream = tls ? await host.ConnectTlsAsync() : await host.ConnectAsync();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"u8.ToArray(), Cancel);

        var error = await Assert.ThrowsAsync<IOException>(() => AccessHost.ReadToEndAsync(stream));

        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        Assert.Empty(host.Complaints);
    }

    [Fact]
    public async Task AFlushCompletesOnlyWhenTheKernelHasTheBytes()
    {
        var (output, near, far) = await PairAsync(static _ => { });
        using var one = near;
        using var two = far;
        var bytes = new byte[16 * 1024 * 1024];
        new Random(2).NextBytes(bytes);
        Put(output, bytes);

        var flush = output.FlushAsync(Cancel);
        Assert.False(flush.IsCompleted);
        var read = await ReadExactlyAsync(far, bytes.Length);

        Assert.False((await flush).IsCompleted);
        Assert.True(bytes.SequenceEqual(read));
    }

    [Fact]
    public async Task ACancelledFlushStopsTheWaitAndLosesNothing()
    {
        var (output, near, far) = await PairAsync(static _ => { });
        using var one = near;
        using var two = far;
        var bytes = new byte[16 * 1024 * 1024];
        new Random(3).NextBytes(bytes);
        Put(output, bytes[..^7]);

        var first = output.FlushAsync(Cancel);
        output.CancelPendingFlush();
        Assert.True((await first).IsCanceled);
        using var cancel = new CancellationTokenSource();
        Put(output, bytes[^7..]);
        var second = output.FlushAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.AsTask());
        var finish = output.FinishAsync();

        var all = await ReadExactlyAsync(far, bytes.Length);
        Assert.True(bytes.SequenceEqual(all));
        await finish.WaitAsync(Guard, Cancel);
    }

    [Fact]
    public async Task ABrokenSocketEndsTheOutputWithoutAnException()
    {
        var broken = new TaskCompletionSource<Exception>();
        var (output, near, far) = await PairAsync(broken.SetResult);
        using var one = near;
        Put(output, new byte[16 * 1024 * 1024]);
        var flush = output.FlushAsync(Cancel);
        far.LingerState = new LingerOption(true, 0);
        far.Dispose();

        Assert.True((await flush.AsTask().WaitAsync(Guard, Cancel)).IsCompleted);
        Assert.IsType<SocketException>(await broken.Task.WaitAsync(Guard, Cancel));
        Put(output, new byte[10]);
        Assert.True((await output.FlushAsync(Cancel)).IsCompleted);
        await output.FinishAsync().WaitAsync(Guard, Cancel);
    }

    private static async Task DetachAsync(HttpContext context, Func<SocketTransport, Task> session)
    {
        var connection = context.Features.GetRequiredFeature<IConnectionDetachFeature>();
        connection.TakeOver();
        await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        Assert.True(connection.TryDetach(session));
    }

    private static void Put(SocketPipeWriter output, byte[] bytes) => output.Write(bytes);

    private static async Task<(SocketPipeWriter Output, Socket Near, Socket Far)> PairAsync(Action<Exception> broken)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await far.ConnectAsync(listener.LocalEndPoint!);
        var near = await listener.AcceptAsync();
        return (new SocketPipeWriter(near, broken), near, far);
    }

    private static async Task<byte[]> ReadExactlyAsync(Socket socket, int length)
    {
        var buffer = new byte[length];
        await using var stream = new NetworkStream(socket, ownsSocket: false);
        await stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard, Cancel);
        return buffer;
    }

    private static async Task<string> ReadAllAsync(System.IO.Pipelines.PipeReader input)
    {
        while (true)
        {
            var read = await input.ReadAsync();
            if (read.IsCompleted)
            {
                return Encoding.ASCII.GetString(read.Buffer);
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
