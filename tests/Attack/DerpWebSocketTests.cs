using System.Text;

namespace Attack;

/// <summary>WebSocket frames against the protocol, on the relay's listener.</summary>
public sealed class DerpWebSocketTests(DerpWebSocketTests.Rig rig) : IClassFixture<DerpWebSocketTests.Rig>
{
    private const string Request =
        "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: derp\r\n\r\n";

    [Theory]
    [InlineData("8205", 1002)] // Unmasked.
    [InlineData("c28000000000", 1002)] // A reserved bit.
    [InlineData("a28000000000", 1002)]
    [InlineData("928000000000", 1002)]
    [InlineData("808000000000", 1002)] // A continuation of nothing.
    [InlineData("028000000000828000000000", 1002)] // A message within a message.
    [InlineData("098000000000", 1002)] // A ping in parts.
    [InlineData("89fe007e00000000", 1002)] // A long ping.
    [InlineData("838000000000", 1002)] // Opcodes that are reserved.
    [InlineData("8b8000000000", 1002)]
    [InlineData("818000000000", 1003)] // Text.
    [InlineData("82ff000000000001002600000000", 1009)] // 64 KiB + 38.
    [InlineData("82ff7fffffffffffffff00000000", 1009)]
    [InlineData("82ffffffffffffffffff00000000", 1009)] // Negative.
    public async Task AFrameAgainstTheProtocolIsAnsweredWithItsCodeAndTheEnd(string hex, int code)
    {
        using var client = await ConnectAsync();

        await client.SendAsync(Convert.FromHexString(hex));

        var all = Encoding.Latin1.GetBytes(await client.ReceiveAllAsync());
        Assert.Equal((0x88, 9, code), (all[^11], all[^10], (all[^9] << 8) | all[^8]));
        await rig.AnsweredAsync();
    }

    [Theory]
    [InlineData("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")]
    public async Task AHandshakeThatIsNoneGets400(string good, string bad)
    {
        using var client = await RawClient.ConnectAsync(rig.Url);

        await client.SendAsync(Request.Replace(good, bad, StringComparison.Ordinal));

        Assert.StartsWith("HTTP/1.1 400 ", await client.ReceiveUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFloodOfPingsIsNotAnsweredOneByOneFromMemory()
    {
        using var client = await ConnectAsync();
        byte[] ping = [0x89, 0x80 | 125, 0, 0, 0, 0, .. new byte[125]];
        byte[] many = [.. Enumerable.Repeat(ping, 500).SelectMany(static bytes => bytes)];
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 100; i++)
        {
            await client.SendAsync(many);
        }

        await rig.AnsweredAsync();
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 32 << 20);
    }

    [Fact]
    public async Task AMessageThatNeverEndsHoldsNoMoreThanItsBuffer()
    {
        using var client = await ConnectAsync();

        // Fragments of nothing, and then a ClientInfo that announces more than is allowed.
        byte[] nothing = [.. Enumerable.Repeat((byte[])[0x00, 0x80, 0, 0, 0, 0], 5000).SelectMany(static bytes => bytes)];
        await client.SendAsync((byte[])[0x02, 0x80, 0, 0, 0, 0, .. nothing, .. nothing]);
        await client.SendAsync((byte[])[0x00, 0x85, 0, 0, 0, 0, 0x02, 0x00, 0x04, 0x00, 0x01]);

        Assert.EndsWith(
            "closing",
            (await client.ReceiveAllAsync()).Replace("[reset]", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        await rig.AnsweredAsync();
    }

    private async Task<RawClient> ConnectAsync()
    {
        var client = await RawClient.ConnectAsync(rig.Url);
        await client.SendAsync(Request);
        Assert.StartsWith("HTTP/1.1 101 ", await client.ReceiveUntilAsync("\u00f0\u009f\u0094\u0091"), StringComparison.Ordinal);
        return client;
    }

    public sealed class Rig : IAsyncLifetime
    {
        private TestNode? _node;
        private DerpPeer? _other;

        public Uri Url => _node!.PublicUrl;

        public async ValueTask InitializeAsync()
        {
            _node = await TestNode.StartAsync("Edge:Mode=relay", "Relay:Stun:Enabled=false", "Edge:ShutdownTimeout=3s");
            _other = await DerpPeer.JoinAsync(_node.PublicUrl);
        }

        public Task AnsweredAsync() => _other!.AssertQuietAsync().WaitAsync(TimeSpan.FromSeconds(10));

        public async ValueTask DisposeAsync()
        {
            _other?.Dispose();
            await _node!.DisposeAsync();
        }
    }
}
