namespace LivenessSuite;

/// <summary>Streams whose peer's link goes down: neither a FIN nor a reset arrives.</summary>
public sealed class LivenessTests(LostLink link) : IClassFixture<LostLink>
{
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(40);

    // Keep-alive and the relay both give a peer half a minute.
    private static readonly TimeSpan Mercy = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData("a client, silent")]
    [InlineData("a client, sent to")]
    [InlineData("a client, sent to later")]
    [InlineData("a client over TLS, silent")]
    [InlineData("a client over TLS, sent to")]
    [InlineData("a client over HTTP/2, sent to")]
    [InlineData("an API server, silent")]
    [InlineData("an API server, sent to")]
    [InlineData("a terminal's API server, typed to")]
    [InlineData("a client that had not read")]
    public async Task AStreamWhosePeerVanishedEndsWithin40Seconds(string vanished)
    {
        var after = await link.EndOf(vanished).WaitAsync(TimeSpan.FromSeconds(90));
        TestContext.Current.TestOutputHelper?.WriteLine($"{vanished}: {after.TotalSeconds:F1} s");
        Assert.InRange(after, Mercy, Promise);
    }

    [Fact]
    public async Task APeerThatLivesAndDoesNotReadIsNotEnded()
    {
        var (toClient, toBackend, werePaused) = await link.ReadOnAsync();
        Assert.True(werePaused);
        Assert.True(toClient >= 48 << 20, $"{toClient} bytes came to the client");
        Assert.True(toBackend >= 48 << 20, $"{toBackend} bytes came to the API server");
    }
}
