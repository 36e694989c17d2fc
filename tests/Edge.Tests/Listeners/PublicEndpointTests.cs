using Edge.Listeners;

namespace Edge.Tests.Listeners;

public class PublicEndpointTests
{
    [Theory]
    [InlineData("http://127.0.0.1:80", "127.0.0.1:80")]
    [InlineData("https://[::1]:0", "[::1]:0")]
    [InlineData("http://0.0.0.0", "0.0.0.0:80")]
    [InlineData("https://LocalHost", "127.0.0.1:443")]
    [InlineData("http://*:8080", null)]
    [InlineData("http://edge.example:8080", null)]
    [InlineData("http://unix:/run/edge.sock", null)]
    public void AnAddressIsKnownUnlessItIsANameOrEveryAddress(string url, string? endPoint) =>
        Assert.Equal(endPoint, new PublicEndpoint(PublicEndpoint.Parse("urls", url), null).EndPoint?.ToString());
}
