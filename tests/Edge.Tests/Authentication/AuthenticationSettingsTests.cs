using Edge.Settings;

namespace Edge.Tests.Authentication;

/// <summary>Settings of authentication: wrong ones stop the start, and no error shows a key.</summary>
public sealed class AuthenticationSettingsTests
{
    [Theory]
    [InlineData("Policies without Jwt", "Edge:Authentication:Policies:0:Path=/a", "Edge:Authentication:Policies:0:Require=anonymous")]
    [InlineData("no keys", "Edge:Authentication:Jwt:Audience=a")]
    [InlineData("no audience", "Edge:Authentication:Jwt:Authority=https://a")]
    [InlineData("no issuer", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:SigningKeys:0=base64:AAAA")]
    [InlineData(
        "both", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=https://a",
        "Edge:Authentication:Jwt:SigningKeys:0=x")]
    [InlineData("plain http", "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=http://a.example")]
    public void WrongSettingsAreRefused(string reason, params string[] settings) =>
        Assert.True(
            Assert.Throws<SettingsException>(() => AuthenticationRig.Read(settings)).Message
                .StartsWith("Edge:Authentication", StringComparison.Ordinal),
            reason);

    [Theory]
    [InlineData("base64:c2VjcmV0c2VjcmV0")]
    [InlineData("secretsecretsecret")]
    public void ASigningKeyNeverAppearsInAnError(string key)
    {
        var error = Assert.Throws<SettingsException>(() => AuthenticationRig.Read(
            "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Issuer=b", "Edge:Authentication:Jwt:SigningKeys:0=" + key));
        Assert.StartsWith("Edge:Authentication:Jwt:SigningKeys:0", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(key[7..], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v2/workspaceagents/me/logs", "anonymous")]
    [InlineData("/derp", "authenticated")]
    [InlineData("/a/../b", "anonymous")]
    [InlineData("a", "anonymous")]
    [InlineData("/a", "claim:x")]
    [InlineData("/a", "nobody")]
    public void AWrongPolicyIsRefused(string path, string require) => Assert.Throws<SettingsException>(() => AuthenticationRig.Read(
        "Edge:Authentication:Jwt:Audience=a", "Edge:Authentication:Jwt:Authority=https://a",
        "Edge:Authentication:Policies:0:Path=" + path, "Edge:Authentication:Policies:0:Require=" + require));

    [Fact]
    public void WithoutSettingsTheApiServerDecides() => Assert.Null(AuthenticationRig.Read());
}
