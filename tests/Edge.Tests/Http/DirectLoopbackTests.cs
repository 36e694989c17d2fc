using System.Net;
using Edge.Http;

namespace Edge.Tests.Http;

/// <summary>Requests that use the proxy of the environment (<c>HTTP_PROXY</c>), and those to loopback, which never do.</summary>
public sealed class DirectLoopbackTests
{
    private static readonly Uri Proxy = new("http://proxy.example:3128");

    private readonly DirectLoopback _proxy = new(new WebProxy(Proxy));

    [Theory]
    [InlineData("http://127.0.0.1:8081/readyz")]
    [InlineData("https://127.9.8.7/")]
    [InlineData("http://localhost:3000/verify")]
    [InlineData("http://LOCALHOST/")]
    [InlineData("http://api.localhost/")]
    [InlineData("http://[::1]:80/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("http://0.0.0.0:1/")]
    [InlineData("http://[::]:1/")]
    public void LoopbackIsAskedDirectly(string url)
    {
        Assert.True(_proxy.IsBypassed(new Uri(url)));
        Assert.Null(_proxy.GetProxy(new Uri(url)));
    }

    [Theory]
    [InlineData("http://10.0.0.1/")]
    [InlineData("https://issuer.example/")]
    [InlineData("http://localhost.example/")]
    [InlineData("http://128.0.0.1/")]
    public void AnythingElseGoesAsTheEnvironmentSays(string url)
    {
        Assert.False(_proxy.IsBypassed(new Uri(url)));
        Assert.Equal(Proxy, _proxy.GetProxy(new Uri(url)));
    }
}
