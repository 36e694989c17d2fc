using System.Net.Sockets;
using System.Text;
using Relay.Streams;

namespace Relay.Tests.Streams;

public class BackendUpgradeTests
{
    // The example of RFC 6455 §1.3.
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";
    private const string Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private const string Switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n";

    private static readonly UpgradeRequest Request = new("/api/v2/x?y=z", [
        new("Host", "api"), new("Connection", "Upgrade"), new("Upgrade", "websocket"), new("Sec-WebSocket-Key", Key)]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARight101IsAcceptedAndTheBytesBehindItAreDelivered()
    {
        await using var backend = await Backend.StartAsync();
        var result = await backend.AnswerAsync(
            "HTTP/1.1 100 Continue\r\n\r\n" + Switching
                + $"Sec-WebSocket-Accept: {Accept}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\nfirst");
        var accepted = Assert.IsType<UpgradeAccepted>(result);
        Assert.Equal(StreamFraming.WebSocket, accepted.Framing);
        Assert.Equal("permessage-deflate", accepted.Head.OnlyValue("Sec-WebSocket-Extensions"));
        var read = await backend.Transport.Input.ReadAsync(Token);
        Assert.Equal("first"u8.ToArray(), read.Buffer.FirstSpan.ToArray());
        Assert.Equal(
            "GET /api/v2/x?y=z HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + $"Sec-WebSocket-Key: {Key}\r\n\r\n",
            backend.Received);
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nsorry", 5L)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\nso\r\n3\r\nrry\r\n0\r\n\r\n", null)]
    [InlineData("\r\nsorry", null)]
    public async Task ARefusalIsRelayedWithItsBody(string rest, long? length)
    {
        await using var backend = await Backend.StartAsync();
        var refused = Assert.IsType<UpgradeRefused>(
            await backend.AnswerAsync("HTTP/1.1 403 Forbidden by me\r\nX-Why: because\r\n" + rest, thenEnd: true));
        Assert.Equal((403, "Forbidden by me", "because"), (refused.Head.Status, refused.Head.Reason, refused.Head.OnlyValue("X-Why")));
        Assert.Equal(length, refused.Body.Length);
        var body = new MemoryStream();
        Assert.Equal(BodyCopyResult.Complete, await refused.Body.CopyToAsync(body, Token).Soon());
        Assert.Equal("sorry", Encoding.ASCII.GetString(body.ToArray()));
    }

    [Fact]
    public async Task ABackendThatAnswers200NeverGetsATunnel()
    {
        await using var backend = await Backend.StartAsync();
        var refused = Assert.IsType<UpgradeRefused>(await backend.AnswerAsync(
            "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n"
                + "okHTTP/1.1 101 Switching Protocols\r\n\r\n"));
        var body = new MemoryStream();
        Assert.Equal(BodyCopyResult.Complete, await refused.Body.CopyToAsync(body, Token).Soon());
        Assert.Equal("ok", Encoding.ASCII.GetString(body.ToArray()));
    }

    [Theory]
    [InlineData(Switching + "\r\n")] // no accept
    [InlineData(Switching + "Sec-WebSocket-Accept: wrong\r\n\r\n")]
    [InlineData(Switching + "Sec-WebSocket-Accept: " + Accept + "\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n")]
    [InlineData("HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n")]
    [InlineData("HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n")]
    [InlineData("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    public async Task AWrongAnswerIsNoTunnel(string answer)
    {
        await using var backend = await Backend.StartAsync();
        Assert.Equal(new UpgradeFailed(UpgradeFailure.BadAnswer), await backend.AnswerAsync(answer));
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 101 Swi")]
    public async Task AConnectionThatEndsIsTold(string answer)
    {
        await using var backend = await Backend.StartAsync();
        Assert.Equal(new UpgradeFailed(UpgradeFailure.BackendClosed), await backend.AnswerAsync(answer, thenEnd: true));
    }

    [Fact]
    public async Task AnEndlessHeadIsTooLarge()
    {
        await using var backend = await Backend.StartAsync();
        var answer = "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("A: " + new string('x', 1000) + "\r\n", 100));
        Assert.Equal(new UpgradeFailed(UpgradeFailure.HeadTooLarge), await backend.AnswerAsync(answer));
    }

    [Fact]
    public async Task ASilentBackendTimesOutAfterAMinute()
    {
        await using var backend = await Backend.StartAsync();
        var sending = backend.SendAsync(Request);
        await backend.ReceiveHeadAsync();
        backend.Clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(sending.IsCompleted);
        backend.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new UpgradeFailed(UpgradeFailure.Timeout), await sending.Soon());
    }

    [Fact]
    public async Task AClientThatLeavesEndsTheAttempt()
    {
        await using var backend = await Backend.StartAsync();
        using var left = new CancellationTokenSource();
        var sending = BackendUpgrade.SendAsync(backend.Transport, Request, new UpgradeOptions(), backend.Clock, left.Token);
        await backend.ReceiveHeadAsync();
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.Soon());
    }

    [Fact]
    public async Task AnotherProtocolNeedsNoAcceptAndIsRaw()
    {
        await using var backend = await Backend.StartAsync();
        var request = new UpgradeRequest("/derp", [new("Host", "api"), new("Connection", "Upgrade"), new("Upgrade", "DERP")]);
        var result = await backend.AnswerAsync("HTTP/1.1 101 X\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n", request: request);
        Assert.Equal(StreamFraming.Raw, Assert.IsType<UpgradeAccepted>(result).Framing);
    }

    [Fact]
    public async Task ARequestThatCouldBeReadAsTwoIsNeverSent()
    {
        await using var backend = await Backend.StartAsync();
        var split = Request with { Target = "/x HTTP/1.1\r\nHost: evil\r\n\r\nGET /" };
        Assert.Equal(new UpgradeFailed(UpgradeFailure.UnwritableRequest), await backend.SendAsync(split));
        await backend.Transport.CompleteOutputAsync();
        Assert.Empty(await StreamRig.ReceiveToEndAsync(backend.Peer));
    }

    private sealed class Backend(SocketTransport transport, Socket peer) : IAsyncDisposable
    {
        public SocketTransport Transport => transport;

        public Socket Peer => peer;

        public ManualTimeProvider Clock { get; } = new();

        public string Received { get; private set; } = "";

        public static async Task<Backend> StartAsync()
        {
            var (near, far) = await Loopback.PairAsync();
            return new Backend(new SocketTransport(near), far);
        }

        public Task<UpgradeResult> SendAsync(UpgradeRequest request) =>
            BackendUpgrade.SendAsync(transport, request, new UpgradeOptions(), Clock, Token);

        public async Task ReceiveHeadAsync()
        {
            while (!Received.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                Received += Encoding.Latin1.GetString(await StreamRig.ReceiveAsync(peer, 1));
            }
        }

        public async Task<UpgradeResult> AnswerAsync(string answer, bool thenEnd = false, UpgradeRequest? request = null)
        {
            var sending = SendAsync(request ?? Request);
            await ReceiveHeadAsync();
            await StreamRig.SendAsync(peer, Encoding.Latin1.GetBytes(answer));
            if (thenEnd)
            {
                peer.Shutdown(SocketShutdown.Send);
            }

            return await sending.Soon();
        }

        public async ValueTask DisposeAsync()
        {
            await transport.DisposeAsync();
            peer.Dispose();
        }
    }
}
