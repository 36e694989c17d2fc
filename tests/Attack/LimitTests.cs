using System.Net.Sockets;
using System.Text;

namespace Attack;

/// <summary>Requests that are too large, too slow, or whose answers nobody reads.</summary>
public class LimitTests(LimitTests.Rig rig) : IClassFixture<LimitTests.Rig>
{
    private const int HeadSize = 4096;

    public static TheoryData<string, string, int> TooLarge { get; } = new()
    {
        { "request line", $"GET /{new string('a', HeadSize)} HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "query", $"GET /?{new string('a', HeadSize)} HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "method", $"{new string('A', HeadSize)} / HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "one value", $"GET / HTTP/1.1\r\nHost: x\r\nX: {new string('a', HeadSize)}\r\n\r\n", 431 },
        { "one name", $"GET / HTTP/1.1\r\nHost: x\r\n{new string('a', HeadSize)}: x\r\n\r\n", 431 },
        {
            "many values",
            $"GET / HTTP/1.1\r\nHost: x\r\n{string.Concat(Enumerable.Repeat($"X: {new string('a', 500)}\r\n", 10))}\r\n",
            431
        },
        { "number of headers", $"GET / HTTP/1.1\r\nHost: x\r\n{string.Concat(Enumerable.Repeat("X: y\r\n", 11))}\r\n", 431 },
        { "announced body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413 },
    };

    public static TheoryData<string, string> Endless { get; } = new()
    {
        { "request line", "GET /" },
        { "header", "GET / HTTP/1.1\r\nHost: x\r\nX: " },
        { "empty lines", "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n" },
    };

    [Theory]
    [MemberData(nameof(TooLarge))]
    public async Task WhatIsTooLargeIsRefusedBeforeTheBackendHearsOfIt(string name, string request, int status)
    {
        Assert.NotEmpty(name);
        var outcome = await rig.AttackAsync(request);

        Assert.Equal([status], outcome.Statuses);
        Assert.Empty(outcome.Seen);
        await rig.ServesAsync();
    }

    [Theory]
    [MemberData(nameof(Endless))]
    public async Task AHeadWithoutAnEndIsCutAtItsLimit(string name, string start)
    {
        Assert.NotEmpty(name);

        // A little more than the limit, and then nothing: an edge that kept on reading would not answer.
        var outcome = await rig.SendAsync(start + new string('a', HeadSize + 1));

        outcome.IsRefused();
        Assert.Single(outcome.Statuses);
        await rig.ServesAsync();
    }

    [Fact]
    public async Task AChunkedBodyOverTheLimitGetsNoEndAndNoAnswerButARefusal()
    {
        var outcome = await rig.AttackAsync("POST /attack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + $"{string.Concat(Enumerable.Repeat($"64\r\n{new string('a', 100)}\r\n", 11))}0\r\n\r\n");

        Assert.Equal([413], outcome.Statuses);
        Assert.DoesNotContain(
            outcome.Seen,
            static request => !request.StartsWith("cut: POST /attack ", StringComparison.Ordinal)
                || request.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal));
        await rig.ServesAsync();
    }

    public sealed class Rig : AttackRig
    {
        protected override string[] Settings =>
            [$"Edge:Limits:MaxRequestHeadSize={HeadSize}", "Edge:Limits:MaxRequestHeaders=10", "Edge:Limits:MaxRequestBodySize=1000"];
    }
}

/// <summary>Clients that take their time; in a class each, since classes run side by side.</summary>
public class SlowHeadTests(SlowHeadTests.Rig rig) : IClassFixture<SlowHeadTests.Rig>
{
    [Theory]
    [InlineData("G")]
    [InlineData("GET /attack HTTP/1.1\r\nHost: x\r\nX: ")]
    [InlineData("GET /attack HTTP/1.1\r\nHost: x\r\n")]
    public async Task AHeadThatDripsIsCut(string start)
    {
        using var client = await RawClient.ConnectAsync(rig.Url);
        await client.SendAsync(start);
        var answer = client.ReceiveAllAsync();

        // A byte now and then does not buy more time.
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (!answer.IsCompleted && await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken))
        {
            await AttackRig.TrySendAsync(client, "a");
        }

        Assert.Matches("^(HTTP/1.1 408 |\\[reset\\]|$)", await answer);
        Assert.Empty(rig.Backend.Seen);
        await rig.ServesAsync();
        rig.Backend.Forget();
    }

    public sealed class Rig : AttackRig
    {
        protected override string[] Settings => ["Edge:Limits:RequestHeadTimeout=1s"];
    }
}

/// <inheritdoc cref="SlowHeadTests"/>
public class SlowBodyTests(AttackRig rig) : IClassFixture<AttackRig>
{
    [Fact]
    public async Task ABodyThatDripsIsCut()
    {
        using var client = await RawClient.ConnectAsync(rig.Url);
        await client.SendAsync("POST /attack HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
        var answer = client.ReceiveAllAsync();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (!answer.IsCompleted && await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken))
        {
            await AttackRig.TrySendAsync(client, "a");
        }

        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        Assert.DoesNotContain(rig.Backend.Seen, static request => !request.StartsWith("cut: POST /attack ", StringComparison.Ordinal));
        await rig.ServesAsync();
    }
}

/// <inheritdoc cref="SlowHeadTests"/>
public class UnreadAnswerTests
{
    private const long Most = 48 << 20;

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")]
    public async Task AnAnswerThatNobodyReadsHoldsTheBackendUp(string head)
    {
        var stalled = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = new RawBackend((socket, request) => request.StartsWith("GET /honest", StringComparison.Ordinal)
            ? socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray())
            : Task.Run(() =>
            {
                socket.Send(Encoding.ASCII.GetBytes(head));
                var block = new byte[64 << 10];
                long sent = 0;
                while (sent < Most && socket.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectWrite))
                {
                    sent += socket.Send(block);
                }

                stalled.SetResult(sent);
            }));
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        client.Socket.ReceiveBufferSize = 16 << 10;
        await client.SendAsync("GET /attack HTTP/1.1\r\nHost: x\r\n\r\n");

        Assert.InRange(await stalled.Task.WaitAsync(TestNode.Patience, TestContext.Current.CancellationToken), 1, Most - 1);
        Assert.Equal("ok", await edge.Public.GetStringAsync("/honest", TestContext.Current.CancellationToken));
    }
}
