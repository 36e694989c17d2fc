using System.Net;

namespace EndToEnd;

/// <summary>A relay that wants a token with the HTTP request, before any DERP.</summary>
public sealed class AdmissionTokenTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("Authorization: Bearer {0}\r\n", "")]
    [InlineData("", "?access_token={0}")]
    public async Task AValidTokenIsLetIn(string header, string query)
    {
        await using var edge = await TokenAsync();
        var token = TestTokens.Create();

        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Request(header, query, token));
        await peer.AssertAliveAsync();
        Assert.DoesNotContain(edge.Log.Lines, line => line.Contains(token, StringComparison.Ordinal));
    }

    [Fact]
    public async Task ABrowsersWebSocketBringsItsTokenInTheQuery()
    {
        await using var edge = await TokenAsync();

        using var web = await DerpPeer.ConnectWebSocketAsync(edge.PublicUrl, $"/derp?access_token={TestTokens.Create()}");

        await web.AssertAliveAsync();
    }

    [Theory]
    [InlineData("", "", "Bearer realm=\"edge\"\r\n")]
    [InlineData("Derp-Fast-Start: 1\r\n", "", "Bearer realm=\"edge\"\r\n")]
    [InlineData("Authorization: Bearer {0}\r\n", "", "invalid_token")]
    [InlineData("", "?access_token={0}", "invalid_token")]
    [InlineData("Authorization: Bearer {1}\r\nAuthorization: Bearer {0}\r\n", "", "invalid_token")]
    public async Task WithoutAValidTokenItIs401BeforeAnyUpgrade(string header, string query, string says)
    {
        await using var edge = await TokenAsync();
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        var wrong = TestTokens.Create("strange");

        await client.SendAsync(Request(header, query, wrong));
        var answer = await client.ReceiveHeadAsync();

        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        Assert.Contains(says, answer, StringComparison.Ordinal);
        Assert.DoesNotContain(edge.Log.Lines, line => line.Contains(wrong, StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheRelaysPagesNeedNoToken()
    {
        await using var edge = await TokenAsync();

        Assert.Equal("", await edge.Public.GetStringAsync("/derp/probe"));
        using var derp = await edge.Public.GetAsync("/derp");
        Assert.Equal(HttpStatusCode.UpgradeRequired, derp.StatusCode);
    }

    // {0} in the header or the query is this token, {1} a good one.
    private static string Request(string header, string query, string token) =>
        $"GET /derp{query} HTTP/1.1\r\n{header}Host: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n"
            .Replace("{0}", token, StringComparison.Ordinal)
            .Replace("{1}", TestTokens.Create(), StringComparison.Ordinal);

    private Task<TestNode> TokenAsync() =>
        TestNode.StartAsync(
            ["Edge:Mode=relay", "Relay:Stun:Enabled=false", "Relay:Derp:Admission=jwt", .. TestTokens.Settings(_directory)]);
}
