using System.Net;
using System.Text;
using Edge.Authentication;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Tests.Authentication;

/// <summary>
/// Keys that an identity provider publishes: fetched, refreshed when a token names an unknown key, unavailable while the provider is down.
/// </summary>
public sealed class AuthorityTests : IDisposable
{
    private const string Route = "/api/v2/users/me";
    private readonly AuthenticationRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task AnAuthorityThatIsDownIs503AndComesBack()
    {
        using var authority = new FakeAuthority { Down = true };
        await using var host = await _rig.StartAsync(authority);
        var token = _rig.Tokens.Create();
        using (var down = await host.SendAsync(Route, ("Authorization", "Bearer " + token)))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, down.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), down.Headers.RetryAfter!.Delta);
        }

        await host.OkAsync(Route, ("Authorization", "Bearer " + token), ("Coder-Session-Token", "s"));
        authority.Down = false;
        _rig.Time.Advance(AuthorityKeys.Pause);
        Assert.Equal("user-1", (await host.OkAsync(Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
    }

    [Fact]
    public async Task AnUnknownKeyIsLookedForOnceAndThenRefused()
    {
        using var authority = new FakeAuthority();
        await using var host = await _rig.StartAsync(authority);
        await host.OkAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create()));
        using (var unknown = await host.SendAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create(Tokens.OtherRsa))))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
        }

        var symmetric = new SymmetricSecurityKey(Encoding.ASCII.GetBytes(Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem())) { KeyId = "rsa" };
        using var confused = await host.SendAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create(symmetric, "HS256")));
        Assert.Equal(HttpStatusCode.Unauthorized, confused.StatusCode);
    }

    [Fact]
    public async Task ATokenOfAKeyPublishedAMomentAgoIsAccepted()
    {
        using var authority = new FakeAuthority();
        await using var host = await _rig.StartAsync(authority);
        await host.OkAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create()));
        authority.Keys = [Tokens.Rsa, Tokens.OtherRsa];
        Assert.Equal(
            "user-1",
            (await host.OkAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create(Tokens.OtherRsa))))["X-Edge-Subject"]);
    }

    [Fact]
    public async Task EveryKeyOfATokensKeyIdIsTried()
    {
        var ec = new ECDsaSecurityKey(Tokens.Ec.ECDsa) { KeyId = "k1" };
        var rsa = new RsaSecurityKey(Tokens.Rsa.Rsa) { KeyId = "k1" };
        var other = new RsaSecurityKey(Tokens.OtherRsa.Rsa) { KeyId = "k1" };
        using var authority = new FakeAuthority { Keys = [ec, rsa, other] };
        await using var host = await _rig.StartAsync(authority);
        foreach (var token in new[] { _rig.Tokens.Create(rsa), _rig.Tokens.Create(other, "PS256"), _rig.Tokens.Create(ec, "ES256") })
        {
            Assert.Equal("user-1", (await host.OkAsync(Route, ("Authorization", "Bearer " + token)))["X-Edge-Subject"]);
        }

        authority.Keys = [ec, rsa];
        _rig.Time.Advance(AuthorityKeys.MaxAge);
        using var withdrawn = await host.SendAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create(other)));
        Assert.Equal(HttpStatusCode.Unauthorized, withdrawn.StatusCode);
    }

    [Fact]
    public async Task AWrongSignatureOfAKnownKeyIs401AlsoWhileTheAuthorityIsDown()
    {
        using var authority = new FakeAuthority();
        await using var host = await _rig.StartAsync(authority);
        await host.OkAsync(Route, ("Authorization", "Bearer " + _rig.Tokens.Create()));
        authority.Down = true;
        _rig.Time.Advance(AuthorityKeys.MinRefreshInterval);
        var forged = _rig.Tokens.Create(new RsaSecurityKey(Tokens.OtherRsa.Rsa) { KeyId = Tokens.Rsa.KeyId });
        for (var i = 0; i < 2; i++)
        {
            using var response = await host.SendAsync(Route, ("Authorization", "Bearer " + forged));
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
    }
}
