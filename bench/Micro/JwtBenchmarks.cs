using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Edge.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Micro;

/// <summary>The check of a request's token at the edge, with the signature's key at hand, as each request with a token meets it.</summary>
[MemoryDiagnoser]
public class JwtBenchmarks
{
    private const string Issuer = "https://issuer.example";
    private const string Audience = "edge";

    private IServiceScopeFactory _scopes = null!;
    private TokenCheck _check = null!;
    private string _header = "";

    /// <summary>How the token is signed.</summary>
    [Params("ES256", "RS256")]
    public string Algorithm { get; set; } = "ES256";

    /// <summary>Makes a key and a token.</summary>
    [GlobalSetup]
    public void Fill()
    {
        SecurityKey key = Algorithm == "ES256"
            ? new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256))
            : new RsaSecurityKey(RSA.Create(2048));
        var token = new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            Expires = DateTime.UtcNow.AddDays(1),
            Claims = new Dictionary<string, object> { ["sub"] = "user-1", ["name"] = "A User", ["scope"] = "openid profile" },
            SigningCredentials = new SigningCredentials(key, Algorithm),
        });
        _header = "Bearer " + token;
        var services = new ServiceCollection().AddLogging().AddMetrics().AddSingleton(TimeProvider.System)
            .AddEdgeAuthentication(new EdgeJwtOptions { SigningKeys = [key], Issuer = Issuer, Audience = Audience }).BuildServiceProvider();
        _scopes = services.GetRequiredService<IServiceScopeFactory>();
        _check = services.GetRequiredService<TokenCheck>();
        if (Verify() != nameof(TokenVerdict.Valid))
        {
            throw new InvalidOperationException("the token is not valid");
        }
    }

    /// <summary>One request.</summary>
    [Benchmark]
    public string Verify()
    {
        using var scope = _scopes.CreateScope();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        context.Request.Headers.Authorization = _header;
        var verified = _check.VerifyAsync(context);
        return verified.IsCompletedSuccessfully
            ? verified.Result.Verdict.ToString()
            : throw new InvalidOperationException("the check waits");
    }
}
