using Edge.Authentication;
using Edge.Settings;
using Edge.Tests.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.Authentication;

/// <summary>A host with the edge's authentication before a handler that answers with the headers it got.</summary>
internal sealed class AuthenticationRig : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("edge-auth").FullName;

    public AuthenticationRig() => Tokens = new Tokens(Time);

    public ManualTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    public Tokens Tokens { get; }

    public static EdgeJwtOptions? Read(params string[] settings) => EdgeJwtOptions.Read(new SettingsReader(
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => setting.Split('=', 2)).ToDictionary(s => s[0], s => (string?)s[1]))
            .Build()));

    public static void Pipeline(WebApplication app)
    {
        app.UseEdgeAuthentication();
        app.Run(context => context.Response.WriteAsJsonAsync(
            context.Request.Headers.ToDictionary(static header => header.Key, static header => header.Value.ToString())
                .Append(new("query", context.Request.QueryString.Value ?? string.Empty))
                .ToDictionary(),
            TestContext.Current.CancellationToken));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Starts with an RSA, an EC and a secret key from settings.</summary>
    public Task<AccessHost> StartAsync(params (string Name, string Value)[] more)
    {
        var rsa = Path.Combine(_folder, "rsa.pem");
        var ec = Path.Combine(_folder, "ec.pem");
        File.WriteAllText(rsa, Tokens.Rsa.Rsa.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(ec, Tokens.Ec.ECDsa.ExportSubjectPublicKeyInfoPem());
        const string Jwt = "Edge:Authentication:Jwt:";
        var options = Read(
        [
            $"{Jwt}Audience={Tokens.Audience}", $"{Jwt}Issuer={Tokens.Issuer}",
            $"{Jwt}SigningKeys:0={rsa}", $"{Jwt}SigningKeys:1={ec}", $"{Jwt}SigningKeys:2=base64:{Convert.ToBase64String(Tokens.Secret)}",
            .. more.Select(setting => (setting.Name.StartsWith("Policies", StringComparison.Ordinal) ? "Edge:Authentication:" : Jwt)
                + $"{setting.Name}={setting.Value}"),
        ]);
        return AccessHost.StartAsync(services => services.AddEdgeAuthentication(options), Pipeline, time: Time);
    }

    /// <summary>Starts with the keys of an identity provider.</summary>
    public Task<AccessHost> StartAsync(FakeAuthority authority)
    {
        var options =
            Read($"Edge:Authentication:Jwt:Audience={Tokens.Audience}", "Edge:Authentication:Jwt:Authority=https://issuer.example")!;
        return AccessHost.StartAsync(
            services =>
            {
                services.AddEdgeAuthentication(options);
                services.AddSingleton(new AuthorityKeys(
                    options, Time, Microsoft.Extensions.Logging.Abstractions.NullLogger<AuthorityKeys>.Instance, authority));
            },
            Pipeline,
            time: Time);
    }
}
