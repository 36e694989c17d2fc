using System.Net;
using Microsoft.AspNetCore.Http;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>The environment names a proxy that does not exist: the program connects to loopback addresses directly.</summary>
public sealed class EnvironmentProxyTests : IDisposable
{
    private const string NoProxy = "http://127.0.0.1:9";

    private static readonly Dictionary<string, string> Environment = new()
    {
        ["HTTP_PROXY"] = NoProxy,
        ["http_proxy"] = NoProxy,
        ["HTTPS_PROXY"] = NoProxy,
        ["ALL_PROXY"] = NoProxy,
        ["NO_PROXY"] = "",
    };

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task HealthcheckAdmissionAndAuthorityOnLoopbackAreReached()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await TestBackend.StartAsync(context =>
        {
            if (context.Request.Path == "/verify")
            {
                return context.Response.WriteAsync("{\"Allow\":true}");
            }

            asked.TrySetResult();
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        await using var edge = await RunAsync(
            "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge", $"--Edge:Backends={server.Url}",
            "--Relay:Derp:Mode=serve", "--Relay:Derp:Admission=url", $"--Relay:Derp:AdmissionUrl={server.Url}/verify",
            $"--Edge:Authentication:Jwt:Authority={server.Url}", "--Edge:Authentication:Jwt:Audience=a");
        Assert.Contains("stop ", edge.Output, StringComparison.Ordinal);

        await Eventually.TrueAsync(
            async () =>
            {
                await using var healthcheck = await RunAsync("healthcheck", $"--Edge:Admin:Url={edge.UrlOf("admin")}");
                return await healthcheck.ExitAsync() == 0;
            },
            "the health check finds the node ready");

        using var client = await DerpPeer.ConnectAsync(
            edge.UrlOf("public"), "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n",
            NodePrivateKey.Generate());

        using var http = new HttpClient { BaseAddress = edge.UrlOf("public") };
        http.DefaultRequestHeaders.Add("Authorization", "Bearer e30.e30.e30");
        using var answer = await http.GetAsync("/api/v2/users/me");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        await asked.Task.WaitAsync(TestNode.Patience);
    }

    private Task<EdgeProcess> RunAsync(params string[] args) => EdgeProcess.StartAsync(_directory.Path, Environment, args);
}
