using System.Net;
using System.Security.Cryptography;
using System.Text;
using Edge.InProcess;
using Microsoft.AspNetCore.Http;

namespace Edge.Tests.InProcess;

public class InProcessTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARequestIsServedOnTheThreadThatSendsIt()
    {
        await using var host = await InProcessHost.StartAsync(static context =>
            context.Response.WriteAsync(Environment.CurrentManagedThreadId.ToString(System.Globalization.CultureInfo.InvariantCulture)));

        // The first ones find a server that is not waiting yet.
        await Eventually.TrueAsync(
            async () =>
            {
                var asking = Environment.CurrentManagedThreadId;
                var sending = host.Client.GetAsync("/", Cancel);
                var isDone = sending.IsCompleted;
                using var answer = await sending;
                return isDone && asking == int.Parse(await answer.Content.ReadAsStringAsync(Cancel), System.Globalization.CultureInfo.InvariantCulture);
            },
            "a request and its answer stay on a thread");
    }

    [Fact]
    public async Task AClientThatGivesUpIsNoticedWhileItsRequestRuns()
    {
        var entered = new TaskCompletionSource();
        var noticed = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            using var gone = context.RequestAborted.Register(noticed.SetResult);
            entered.SetResult();
            await noticed.Task;
        });
        using var patience = new CancellationTokenSource();

        var asking = host.Client.GetAsync("/", patience.Token);
        await entered.Task.WaitAsync(Guard, Cancel);
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await noticed.Task.WaitAsync(Guard, Cancel);
    }

    [Fact]
    public async Task AClientThatGivesUpInTheMidstOfItsBodyIsAnErrorThere()
    {
        var failed = new TaskCompletionSource<Exception>();
        await using var host = await InProcessHost.StartAsync(async context =>
            failed.SetResult(await Assert.ThrowsAnyAsync<Exception>(() => context.Request.Body.CopyToAsync(Stream.Null))));
        await using var connection = host.EndPoint.Connect();
        await connection.WriteAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"u8.ToArray(), Cancel);

        await connection.DisposeAsync();

        var error = await failed.Task.WaitAsync(Guard, Cancel);
        Assert.True(error is BadHttpRequestException or OperationCanceledException or IOException, error.ToString());
        await Assert.ThrowsAsync<IOException>(async () => await connection.WriteAsync("4"u8.ToArray(), Cancel));
        await Assert.ThrowsAsync<IOException>(async () => await connection.ReadExactlyAsync(new byte[1], Cancel));
    }

    [Fact]
    public async Task AnAnswerThatTheServerBreaksOffIsNoWholeAnswer()
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        using var answer = await host.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Cancel);

        await Assert.ThrowsAnyAsync<Exception>(() => answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task AClientThatDoesNotReadHoldsTheServerUp()
    {
        const int Piece = 16 << 10;
        const int Pieces = 256;
        var paused = new TaskCompletionSource<int>();
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            for (var i = 1; i <= Pieces; i++)
            {
                context.Response.BodyWriter.GetSpan(Piece)[..Piece].Fill((byte)i);
                context.Response.BodyWriter.Advance(Piece);
                var flush = context.Response.BodyWriter.FlushAsync().AsTask();
                if (!flush.IsCompleted)
                {
                    paused.TrySetResult(i * Piece);
                }

                await flush;
            }
        });
        using var answer = await host.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Cancel);

        Assert.InRange(await paused.Task.WaitAsync(Guard, Cancel), Piece, 256 << 10);
        var body = await answer.Content.ReadAsByteArrayAsync(Cancel).WaitAsync(Guard, Cancel);

        Assert.Equal(Pieces * Piece, body.Length);
        Assert.All(Enumerable.Range(0, Pieces), i => Assert.Equal((byte)(i + 1), body[(i * Piece) + (i % Piece)]));
    }

    [Fact]
    public async Task AServerThatDoesNotReadHoldsTheClientUpAndGetsALargeBodyWhole()
    {
        var read = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            await read.Task;
            await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body)));
        });
        var body = new byte[4 << 20];
        Random.Shared.NextBytes(body);
        using var content = new PiecemealContent(body);

        var posting = host.Client.PostAsync("/", content, Cancel);
        Assert.InRange(await content.Paused.WaitAsync(Guard, Cancel), 1, 256 << 10);
        read.SetResult();
        using var answer = await posting.WaitAsync(Guard, Cancel);

        Assert.Equal(Convert.ToHexString(SHA256.HashData(body)), await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task PiecesGoBothWaysAtOnce()
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            var piece = new byte[1];
            while (await context.Request.Body.ReadAsync(piece) > 0)
            {
                await context.Response.Body.WriteAsync(piece);
                await context.Response.Body.FlushAsync();
            }
        });
        await using var connection = host.EndPoint.Connect();
        await connection.WriteAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"u8.ToArray(), Cancel);

        var seen = string.Empty;
        foreach (var letter in "abc")
        {
            await connection.WriteAsync(new[] { (byte)letter }, Cancel);
            seen = await ReadUntilAsync(connection, seen, $"1\r\n{letter}\r\n");
        }

        Assert.EndsWith("0\r\n\r\n", await ReadUntilAsync(connection, seen, "0\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReadIntoNoRoomWaitsForSomethingToRead()
    {
        await using var host = await InProcessHost.StartAsync(static context => context.Response.WriteAsync("x"));
        await using var connection = host.EndPoint.Connect();

        var waiting = connection.ReadAsync(Memory<byte>.Empty, Cancel);
        Assert.False(waiting.IsCompleted);
        await connection.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray(), Cancel);

        Assert.Equal(0, await waiting.AsTask().WaitAsync(Guard, Cancel));
        using var reader = new StreamReader(connection);
        Assert.StartsWith("HTTP/1.1 200", await reader.ReadToEndAsync(Cancel).WaitAsync(Guard, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARunningRequestFinishesWhileTheServerStopsAndNewOnesAreRefused()
    {
        var entered = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            entered.TrySetResult();
            await finish.Task;
            await context.Response.WriteAsync("finished");
        });
        var running = host.Client.GetStringAsync("/", Cancel);
        await entered.Task.WaitAsync(Guard, Cancel);

        var stop = host.StopAsync();
        await Eventually.TrueAsync(() => IsRefused(host.EndPoint), "the listener is closed");
        Assert.False(stop.IsCompleted);
        finish.SetResult();

        Assert.Equal("finished", await running.WaitAsync(Guard, Cancel));
        await stop.WaitAsync(Guard, Cancel);
        await AssertRefusedAsync(host.Client);
    }

    [Fact]
    public async Task WithoutAServerItIsAFailureToConnect()
    {
        using var client = InProcessHost.ClientOf(new InProcessEndPoint());

        await AssertRefusedAsync(client);
    }

    [Fact]
    public async Task ConnectionsThatNobodyAcceptedBreakWithTheirListener()
    {
        var endPoint = new InProcessEndPoint();
        await using var listener = endPoint.Listen();
        await using var connection = endPoint.Connect();
        var reading = connection.ReadAsync(new byte[1], Cancel).AsTask();

        await listener.DisposeAsync();

        await Assert.ThrowsAsync<IOException>(() => reading.WaitAsync(Guard, Cancel));
        Assert.Null(await listener.AcceptAsync(Cancel));
    }

    [Fact]
    public async Task ClientsThatGiveUpAtAnyMomentDisturbNobodyElse()
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            // All of it first: clients of HTTP/1.1 read no answer before they have sent their request.
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            await Task.Yield();
            await context.Response.Body.WriteAsync(body.ToArray(), context.RequestAborted);
        });

        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancel }, async (i, _) =>
        {
            var body = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"request {i} ", 1 + (i * 37 % 20_000))));
            using var content = new PiecemealContent(body);
            using var patience = new CancellationTokenSource();
            if (i % 2 == 1)
            {
                content.GiveUpAt(body.Length * (i % 11) / 10, patience);
            }

            try
            {
                using var answer = await host.Client.PostAsync("/", content, patience.Token);
                Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync(patience.Token));
            }
            catch (Exception error) when (i % 2 == 1 && error is OperationCanceledException or HttpRequestException or IOException)
            {
                Assert.True(patience.IsCancellationRequested);
            }
        }).WaitAsync(3 * Guard, Cancel);
    }

    private static async Task<string> ReadUntilAsync(Stream connection, string seen, string end)
    {
        var buffer = new byte[4096];
        while (!seen.Contains(end, StringComparison.Ordinal))
        {
            var count = await connection.ReadAsync(buffer, Cancel).AsTask().WaitAsync(Guard, Cancel);
            Assert.NotEqual(0, count);
            seen += Encoding.ASCII.GetString(buffer, 0, count);
        }

        return seen;
    }

    private static bool IsRefused(InProcessEndPoint endPoint)
    {
        try
        {
            endPoint.Connect().Dispose();
            return false;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true;
        }
    }

    private static async Task AssertRefusedAsync(HttpClient client)
    {
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", Cancel));
        Assert.Equal(HttpRequestError.ConnectionError, refused.HttpRequestError);
    }

    /// <summary>A body that tells when it has to wait, and that may be given up on its way.</summary>
    private sealed class PiecemealContent(byte[] body) : HttpContent
    {
        private const int Piece = 10_000;
        private readonly TaskCompletionSource<int> _paused = new();
        private int _giveUpAt = int.MaxValue;
        private CancellationTokenSource? _patience;

        /// <summary>How many bytes had left when it first had to wait.</summary>
        public Task<int> Paused => _paused.Task;

        public void GiveUpAt(int position, CancellationTokenSource patience) => (_giveUpAt, _patience) = (position, patience);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var at = 0; at < body.Length; at += Piece)
            {
                if (at >= _giveUpAt)
                {
                    await _patience!.CancelAsync();
                }

                var write = stream.WriteAsync(body.AsMemory(at, Math.Min(Piece, body.Length - at))).AsTask();
                if (!write.IsCompleted)
                {
                    _paused.TrySetResult(at);
                }

                await write;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return true;
        }
    }
}
