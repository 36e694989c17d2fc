using Edge.Derp.Mesh;

namespace Edge.Tests.Derp;

public class MeshAddressTests
{
    [Theory]
    [InlineData("derp1.example.com", "https://derp1.example.com/derp", null)]
    [InlineData("derp1.example.com:8443", "https://derp1.example.com:8443/derp", null)]
    [InlineData("derp1.example.com/10.0.0.7", "https://derp1.example.com/derp", "10.0.0.7")]
    [InlineData("derp1.example.com:8443/derp1.vpc.internal", "https://derp1.example.com:8443/derp", "derp1.vpc.internal")]
    [InlineData("[2001:db8::7]:444/fd00::7", "https://[2001:db8::7]:444/derp", "fd00::7")]
    [InlineData("http://10.0.0.7:3340", "http://10.0.0.7:3340/derp", null)]
    [InlineData("http://10.0.0.7/", "http://10.0.0.7/derp", null)]
    [InlineData("https://derp1.example.com", "https://derp1.example.com/derp", null)]
    public void DerpersFormAndUrlsAreRead(string text, string url, string? dialHost)
    {
        Assert.True(MeshAddress.TryParse(text, out var address));
        Assert.Equal((text, url, dialHost), (address.Text, address.Url.ToString(), address.DialHost));
    }

    [Theory]
    [InlineData("a/b/c")]
    [InlineData("a/")]
    [InlineData("/b")]
    [InlineData("a/b:80")]
    [InlineData("a:99999")]
    [InlineData("a b")]
    [InlineData("user@a")]
    [InlineData("a?x")]
    [InlineData("a#x")]
    [InlineData("ftp://a")]
    [InlineData("http://a/path")]
    [InlineData("http://a/?q")]
    [InlineData("http://")]
    public void EverythingElseIsRefused(string text) => Assert.False(MeshAddress.TryParse(text, out _));
}
