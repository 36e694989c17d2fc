using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ControlPlane.InstanceIdentity;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Tests;

public sealed class InstanceIdentityTests : IDisposable
{
    private const string Path = "/api/v2/workspaceagents/";

    private static readonly X509Certificate2 Aws = Clouds.SelfSigned("O=Amazon Web Services LLC, C=US");
    private static readonly X509Certificate2 OtherAws = Clouds.SelfSigned("O=Amazon Web Services LLC, C=US");
    private static readonly X509Certificate2 AzureRoot = Clouds.Authority("CN=Root");
    private static readonly X509Certificate2 AzureIntermediate = Clouds.Authority("CN=Intermediate", AzureRoot);
    private static readonly X509Certificate2 Azure = Clouds.Leaf("CN=eastus.metadata.azure.com, O=Microsoft", AzureIntermediate);
    private static readonly RSA GoogleKey = RSA.Create(2048);
    private static readonly RSA OtherKey = RSA.Create(2048);

    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTimeProvider _time = new(Clouds.Now);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task WithoutConfigurationEveryCloudIsRefused()
    {
        await using var server = await ApiServer.StartAsync(time: _time);
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        foreach (var (cloud, answer) in new[]
                 {
                     ("AWS", await PostAwsAsync(server, Clouds.AwsSignature(Aws))),
                     ("Azure", await PostAzureAsync(server, Clouds.Message(Clouds.AzureDocument(), Azure))),
                     ("GCP", await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey))),
                 })
        {
            Assert.Equal((401, $"Invalid {cloud} identity."), (answer.Status, answer.Message));
            Assert.Contains("configured", answer.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task AnInstanceGetsATokenOfItsAgentUntilTheBindingEnds()
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        Assert.Equal(Clouds.AwsInstance, (await server.GetAsUserAsync(server.AgentPath)).Text("instance_id"));
        var tokens = new List<string>();
        for (var i = 0; i < 18; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            var answer = await PostAwsAsync(server, Clouds.AwsSignature(Aws));
            Assert.Equal(200, answer.Status);
            tokens.Add(answer.Text("session_token")!);
        }

        // Of many session tokens only the newest sixteen are valid. The agent's first token stays valid.
        int[] statuses = [.. await Task.WhenAll(
            tokens.Select(async token => (await server.GetAsync(Path + "me/gitsshkey", token)).Status))];
        Assert.Equal([401, 401, .. Enumerable.Repeat(200, 16)], statuses);
        Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "me/gitsshkey")).Status);

        // Binding the agent to the same instance again changes nothing. Binding it to another one ends the tokens.
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        Assert.Equal(200, (await server.GetAsync(Path + "me/gitsshkey", tokens[^1])).Status);
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Post, Path + "me/report-stats", tokens[^1], new { })).Status);
        await BindAsync(server, Cloud.Aws, "i-other");
        Assert.Equal(401, (await server.GetAsync(Path + "me/gitsshkey", tokens[^1])).Status);
        Assert.Equal(401, (await server.SendAsync(HttpMethod.Post, Path + "me/report-stats", tokens[^1], new { })).Status);
        Assert.Equal("i-other", Assert.Single(await server.Bindings().ListAsync()).InstanceId);

        Assert.True(await server.Bindings().UnbindAsync(server.Agent.Id, default));
        Assert.False(await server.Bindings().UnbindAsync(server.Agent.Id, default));
        Assert.False(await server.Bindings().BindAsync(Guid.NewGuid(), Cloud.Aws, "i-1", default));
        Assert.Equal(404, (await PostAwsAsync(server, Clouds.AwsSignature(Aws))).Status);
    }

    [Fact]
    public async Task AnUnknownInstanceIs404AndSeveralAgentsNeedAName()
    {
        await using var server = await StartAsync();
        var unknown = await PostAwsAsync(server, Clouds.AwsSignature(Aws));
        Assert.Equal((404, $"Instance with id \"{Clouds.AwsInstance}\" not found."), (unknown.Status, unknown.Message));

        // The same id in another cloud is another instance.
        await BindAsync(server, Cloud.Azure, Clouds.AwsInstance);
        Assert.Equal(404, (await PostAwsAsync(server, Clouds.AwsSignature(Aws))).Status);

        var second = Guid.NewGuid();
        server.Execute($"""
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            SELECT '{second}', workspace_id, resource_id, 'second', @hash, 0, 0 FROM workspace_agents
            """);
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        await server.Bindings().BindAsync(second, Cloud.Aws, Clouds.AwsInstance, default);
        Assert.Equal(409, (await PostAwsAsync(server, Clouds.AwsSignature(Aws))).Status);
        Assert.Equal(404, (await PostAwsAsync(server, Clouds.AwsSignature(Aws), name: "third")).Status);
        var token = (await PostAwsAsync(server, Clouds.AwsSignature(Aws), name: "second")).Text("session_token");
        await server.SendAsync(HttpMethod.Patch, Path + "me/logs", token, new { logs = new[] { new { output = "x" } } });
        Assert.Equal(1, server.Count($"SELECT count(*) FROM agent_logs WHERE agent_id = '{second}'"));
    }

    [Theory]
    [InlineData(X509IncludeOption.None, false, "2.16.840.1.101.3.4.2.1")]
    [InlineData(X509IncludeOption.None, true, "2.16.840.1.101.3.4.2.1")]
    [InlineData(X509IncludeOption.EndCertOnly, false, "2.16.840.1.101.3.4.2.2")]
    [InlineData(X509IncludeOption.None, false, "1.3.14.3.2.26")]
    public async Task AwsMayAlsoSignInPkcs7(X509IncludeOption include, bool detached, string digest)
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        var message = Clouds.Message(Clouds.AwsDocument, Aws, include, detached, digest);
        Assert.Equal(200, (await PostAwsAsync(server, message)).Status);
        Assert.Equal(200, (await PostAwsAsync(server, $"-----BEGIN PKCS7-----\n{message}\n-----END PKCS7-----\n")).Status);
        Assert.Equal(401, (await PostAwsAsync(server, message, Clouds.AwsDocument.Replace("i-0", "i-1", StringComparison.Ordinal))).Status);
        Assert.Equal(401, (await PostAwsAsync(server, Clouds.Message(Clouds.AwsDocument, OtherAws, include, detached, digest))).Status);
    }

    [Fact]
    public async Task AwsOldestFormIsTakenWithItsCertificate()
    {
        using var dsa = Clouds.DsaSelfSigned("O=Amazon Web Services LLC, C=US");
        await using var server = await StartAsync(new InstanceIdentityOptions { AwsCertificates = [Aws, dsa] });
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        var message = Clouds.Message(Clouds.AwsDocument, dsa, X509IncludeOption.None, digest: "1.3.14.3.2.26");
        Assert.Equal(200, (await PostAwsAsync(server, message)).Status);
        Assert.Equal(401, (await PostAwsAsync(server, message, Clouds.AwsDocument + " ")).Status);
    }

    [Fact]
    public async Task WhatAwsDidNotSignIs401()
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Aws, Clouds.AwsInstance);
        await BindAsync(server, Cloud.Aws, "i-1123456789abcdef0");
        var replaced = Clouds.AwsDocument.Replace("i-0", "i-1", StringComparison.Ordinal);
        foreach (var (document, signature) in new[]
                 {
                     (replaced, Clouds.AwsSignature(Aws)),
                     (Clouds.AwsDocument, Clouds.AwsSignature(OtherAws)),
                     (Clouds.AwsDocument, "AAAA"),
                     (Clouds.AwsDocument, "not base64!"),
                     (Clouds.AwsDocument, "-----BEGIN PKCS7-----"),
                     (Clouds.AwsDocument, Convert.ToBase64String(new byte[256])),
                 })
        {
            var answer = await PostAwsAsync(server, signature, document);
            Assert.Equal((401, "Invalid AWS identity."), (answer.Status, answer.Message));
        }

        _time.Advance(TimeSpan.FromDays(366)); // the certificate is expired
        Assert.Equal(401, (await PostAwsAsync(server, Clouds.AwsSignature(Aws))).Status);
        Assert.Equal(401, (await PostAwsAsync(server, Clouds.Message(Clouds.AwsDocument, Aws))).Status);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"instanceId\": 5}")]
    [InlineData("{\"instanceId\": \"\"}")]
    [InlineData("no json")]
    public async Task ASignedDocumentWithoutAnInstanceIs400(string document)
    {
        await using var server = await StartAsync();
        Assert.Equal(400, (await PostAwsAsync(server, Clouds.AwsSignature(Aws, document), document)).Status);
    }

    [Fact]
    public async Task AzureIsKnownByChainNameAndTime()
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Azure, Clouds.AzureInstance);
        using var central = Clouds.Leaf("CN=metadata.azure.us", AzureRoot, purpose: null);

        // The intermediate certificate may come with the configuration or with the message.
        Assert.Equal(200, (await PostAzureAsync(server, Clouds.Message(Clouds.AzureDocument(), Azure))).Status);
        Assert.Equal(200, (await PostAzureAsync(server, Clouds.Message(Clouds.AzureDocument(), central))).Status);
        await using var roots = await StartAsync(new InstanceIdentityOptions { AzureCertificates = [AzureRoot] });
        await BindAsync(roots, Cloud.Azure, Clouds.AzureInstance);
        Assert.Equal(401, (await PostAzureAsync(roots, Clouds.Message(Clouds.AzureDocument(), Azure))).Status);
        Assert.Equal(200, (await PostAzureAsync(roots, Clouds.Message(Clouds.AzureDocument(), Azure, others: AzureIntermediate))).Status);
    }

    [Fact]
    public async Task WhatAzureDidNotSignIs401()
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Azure, Clouds.AzureInstance);
        using var strangeRoot = Clouds.Authority("CN=Root");
        using var strange = Clouds.Leaf("CN=metadata.azure.com", strangeRoot);
        using var expired = Clouds.Leaf("CN=metadata.azure.com", AzureIntermediate, Clouds.Now.AddDays(-1));
        using var expiredIntermediate = Clouds.Authority("CN=Old", AzureRoot, Clouds.Now.AddDays(-1));
        using var belowExpired = Clouds.Leaf("CN=metadata.azure.com", expiredIntermediate, Clouds.Now.AddDays(-2));
        using var noAuthority = Clouds.Leaf("CN=metadata.azure.com", AzureIntermediate, purpose: "1.3.6.1.5.5.7.3.4");
        List<string> messages =
        [
            Clouds.Message(Clouds.AzureDocument(), strange, others: strangeRoot),
            Clouds.Message(Clouds.AzureDocument(), expired),
            Clouds.Message(Clouds.AzureDocument(), belowExpired, others: expiredIntermediate),
            Clouds.Message(Clouds.AzureDocument(), noAuthority),
            Clouds.Message(Clouds.AzureDocument(), Azure, X509IncludeOption.None),
            Clouds.Message(Clouds.AzureDocument(), Azure, digest: "1.3.14.3.2.26"),
            Clouds.Message(Clouds.AzureDocument(), Azure, detached: true),
            Clouds.Message(Clouds.AzureDocument("12/31/25 17:00:00 -0000", "12/31/25 23:00:00 -0000"), Azure),
            Clouds.Message(Clouds.AzureDocument("01/01/26 01:00:00 -0000", "01/01/26 07:00:00 -0000"), Azure),
            Clouds.Message(Clouds.AzureDocument(expiresOn: "tomorrow"), Azure),
            Clouds.Message($$"""{"vmId":"{{Clouds.AzureInstance}}"}""", Azure),
            Clouds.Message("no json", Azure),
            "AAAA",
            "not base64!",
        ];
        foreach (var name in (string[])
                 [
                     "CN=metadata.azure.com.example.com", "CN=xmetadata.azure.com", "CN=azure.com", "O=metadata.azure.com",
                     "CN=metadata.azure.com, CN=example.com", "CN=example.com, OU=metadata.azure.com",
                 ])
        {
            using var named = Clouds.Leaf(name, AzureIntermediate);
            messages.Add(Clouds.Message(Clouds.AzureDocument(), named));
        }

        // Another document in the place of the signed one, of the same length.
        var bytes = Convert.FromBase64String(Clouds.Message(Clouds.AzureDocument(), Azure));
        var at = bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Clouds.AzureInstance));
        bytes[at] ^= 1;
        messages.Add(Convert.ToBase64String(bytes));
        foreach (var message in messages)
        {
            var answer = await PostAzureAsync(server, message);
            Assert.Equal((401, "Invalid Azure identity."), (answer.Status, answer.Message));
        }
    }

    [Fact]
    public async Task GoogleIsKnownByKeyIssuerAudienceAndTime()
    {
        await using var server = await StartAsync();
        await BindAsync(server, Cloud.Google, Clouds.GoogleInstance);
        Assert.Equal(200, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey))).Status);
        foreach (var token in new[]
                 {
                     Clouds.GoogleToken(OtherKey),
                     Clouds.GoogleToken(GoogleKey, keyId: "two"),
                     Clouds.GoogleToken(GoogleKey, audience: "another"),
                     Clouds.GoogleToken(GoogleKey, issuer: "https://accounts.example.com"),
                     Clouds.GoogleToken(GoogleKey, expiresInMinutes: -2),
                     Clouds.GoogleToken(GoogleKey, algorithm: "none"),
                     Clouds.GoogleToken(GoogleKey, algorithm: "HS256"),
                     Clouds.GoogleToken(GoogleKey)[..^4],
                     "a.b.c",
                     "x",
                     "..",
                 })
        {
            var answer = await PostGoogleAsync(server, token);
            Assert.Equal((401, "Invalid GCP identity."), (answer.Status, answer.Message));
            Assert.DoesNotContain(token, answer.Body, StringComparison.Ordinal);
        }

        foreach (var claims in (object[])[new { }, "text", new { compute_engine = 1 }, new { compute_engine = new { instance_id = 5 } }])
        {
            Assert.Equal(400, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, google: claims))).Status);
        }
    }

    [Fact]
    public async Task GooglesKeysAreFetchedWhenTheyAreNeededAndNoMoreOftenThanThat()
    {
        var keys = Clouds.KeySet(("one", GoogleKey));
        var status = 200;
        await using var google = await TestBackend.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync(keys);
        });
        await using var server = await StartAsync(new InstanceIdentityOptions { GoogleKeys = new Uri(google.Url + "/certs") });
        await BindAsync(server, Cloud.Google, Clouds.GoogleInstance);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey))));
        Assert.All(answers, static answer => Assert.Equal(200, answer.Status));
        Assert.Single(google.Requests);

        // A key id that is not known may be new, but anybody can invent one.
        keys = Clouds.KeySet(("one", GoogleKey), ("two", OtherKey));
        Assert.Equal(401, (await PostGoogleAsync(server, Clouds.GoogleToken(OtherKey, "two"))).Status);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(200, (await PostGoogleAsync(server, Clouds.GoogleToken(OtherKey, "two"))).Status);
        Assert.Equal(401, (await PostGoogleAsync(server, Clouds.GoogleToken(OtherKey, "three"))).Status);
        Assert.Equal(2, google.Requests.Count);

        // While the keys cannot be fetched, old ones stay valid for a day, and unknown ones get 503.
        status = 500;
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(200, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, expiresInMinutes: 300))).Status);
        var unknown = await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, "four", expiresInMinutes: 300));
        Assert.Equal((503, "5"), (unknown.Status, unknown.Headers["Retry-After"]));
        _time.Advance(TimeSpan.FromHours(24));
        Assert.Equal(503, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, expiresInMinutes: 6000))).Status);

        status = 200;
        keys = "{}";
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(503, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, expiresInMinutes: 6000))).Status);
        keys = Clouds.KeySet(("one", GoogleKey));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(200, (await PostGoogleAsync(server, Clouds.GoogleToken(GoogleKey, expiresInMinutes: 6000))).Status);
    }

    [Theory]
    [InlineData("aws-instance-identity", "document", "signature")]
    [InlineData("azure-instance-identity", "encoding", "signature")]
    [InlineData("google-instance-identity", "json_web_token")]
    public async Task WhatIsMissingIsNamed(string route, params string[] fields)
    {
        await using var server = await StartAsync();
        foreach (var body in (string[])["{}", "null"])
        {
            var answer = await server.SendAsync(HttpMethod.Post, Path + route, null, body);
            Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
            Assert.Equal(
                fields,
                answer.Json.GetProperty("validations").EnumerateArray()
                    .Select(static failure => failure.GetProperty("field").GetString()!));
        }

        Assert.Equal(400, (await server.SendAsync(HttpMethod.Post, Path + route, null, "{")).Status);
        Assert.Equal(413, (await server.SendAsync(HttpMethod.Post, Path + route, null, new string(' ', 65_537))).Status);
        Assert.Equal(405, (await server.GetAsync(Path + route)).Status);
    }

    [Fact]
    public async Task BrokenProofsAreRefusedWhereverTheyBreak()
    {
        await using var server = await StartAsync();
        var aws = Convert.FromBase64String(Clouds.Message(Clouds.AwsDocument, Aws));
        var azure = Convert.FromBase64String(Clouds.Message(Clouds.AzureDocument(), Azure));
        var token = Clouds.GoogleToken(GoogleKey);
        var random = new Random(4711);
        for (var i = 0; i < 150; i++)
        {
            Assert.InRange((await PostAwsAsync(server, Broken(aws, random))).Status, 400, 404);
            Assert.InRange((await PostAzureAsync(server, Broken(azure, random))).Status, 400, 404);
            var cut = random.Next(token.Length);
            Assert.InRange(
                (await PostGoogleAsync(server, token[..cut] + (char)random.Next(1, 0x250) + token[(cut + 1)..])).Status,
                400,
                404);
        }
    }

    private static string Broken(byte[] bytes, Random random)
    {
        if (random.Next(4) == 0)
        {
            return Convert.ToBase64String(bytes[..random.Next(1, bytes.Length)]);
        }

        var copy = (byte[])bytes.Clone();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            copy[random.Next(copy.Length)] = (byte)random.Next(256);
        }

        return Convert.ToBase64String(copy);
    }

    private static Task<Answer> PostAwsAsync(
        ApiServer server, string signature, string document = Clouds.AwsDocument, string? name = null) =>
        server.SendAsync(HttpMethod.Post, Path + "aws-instance-identity", null, new { document, signature, agent_name = name });

    private static Task<Answer> PostAzureAsync(ApiServer server, string signature) =>
        server.SendAsync(HttpMethod.Post, Path + "azure-instance-identity", null, new { encoding = "pkcs7", signature });

    private static Task<Answer> PostGoogleAsync(ApiServer server, string token) =>
        server.SendAsync(HttpMethod.Post, Path + "google-instance-identity", null, new { json_web_token = token });

    private static async Task BindAsync(ApiServer server, Cloud cloud, string instance) =>
        Assert.True(await server.Bindings().BindAsync(server.Agent.Id, cloud, instance, default));

    private Task<ApiServer> StartAsync(InstanceIdentityOptions? identity = null)
    {
        File.WriteAllText(_directory.File("keys.json"), Clouds.KeySet(("one", GoogleKey)));
        return ApiServer.StartAsync(
            directory => new ControlPlaneOptions
            {
                DataDirectory = directory,
                InstanceIdentity = identity ?? new InstanceIdentityOptions
                {
                    AwsCertificates = [Aws],
                    AzureCertificates = [AzureRoot, AzureIntermediate],
                    GoogleKeys = new Uri(_directory.File("keys.json")),
                },
            },
            _time);
    }
}
