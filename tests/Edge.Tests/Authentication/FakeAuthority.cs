using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Tests.Authentication;

/// <summary>Answers for an identity provider, in the place of the network.</summary>
internal sealed class FakeAuthority : HttpMessageHandler
{
    public bool Down { get; set; }

    public SecurityKey[] Keys { get; set; } = [Tokens.Rsa];

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Down)
        {
            throw new HttpRequestException("unreachable");
        }

        object body = request.RequestUri!.AbsolutePath.EndsWith("openid-configuration", StringComparison.Ordinal)
            ? new Dictionary<string, string> { ["issuer"] = Tokens.Issuer, ["jwks_uri"] = "https://issuer.example/keys" }
            : new { keys = Keys.Select(Published) };
        return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent(JsonSerializer.Serialize(body), new MediaTypeHeaderValue("application/json")),
        });
    }

    private static Dictionary<string, string> Published(SecurityKey key)
    {
        var published = new Dictionary<string, string> { ["use"] = "sig", ["kid"] = key.KeyId };
        if (key is ECDsaSecurityKey ec)
        {
            var point = ec.ECDsa.ExportParameters(false).Q;
            (published["kty"], published["crv"]) = ("EC", "P-256");
            (published["x"], published["y"]) = (Base64UrlEncoder.Encode(point.X), Base64UrlEncoder.Encode(point.Y));
        }
        else
        {
            var parameters = ((RsaSecurityKey)key).Rsa.ExportParameters(false);
            published["kty"] = "RSA";
            (published["n"], published["e"]) =
                (Base64UrlEncoder.Encode(parameters.Modulus), Base64UrlEncoder.Encode(parameters.Exponent));
        }

        return published;
    }
}
