using System.Net.Http.Headers;
using System.Text;
using ControlPlane.Administration;
using ControlPlane.OpenApi;
using ControlPlane.Tests.Administration;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.BadInput;

/// <summary>Hostile input to every route: no answer is a 5xx, and no answer or log line has a secret in it.</summary>
public sealed class BadInputTests
{
    private const string Root = "/api/v2";
    private const int BodiesPerOperation = 12;

    [Fact]
    public async Task NoBodyOfTheAgentsApiIsAFaultOfTheProgram()
    {
        using var log = new CapturedLog();
        await using var server = await ApiServer.StartAsync(log: log);
        var hostile = new HostileInput(seed: 1);
        foreach (var (path, method, operation) in OperationsOf(server))
        {
            var token = operation.Caller == ApiCaller.Agent ? server.Agent.AuthToken : server.Credentials!.SessionToken;
            foreach (var body in Bodies(operation, hostile))
            {
                await CheckAsync(server, method, Fill(path, server.Agent.Id.ToString()), token, body);
            }
        }

        await StillWholeAsync(server, log);
    }

    [Fact]
    public async Task NoPathOrQueryOfTheAgentsApiIsAFaultOfTheProgram()
    {
        using var log = new CapturedLog();
        await using var server = await ApiServer.StartAsync(log: log);
        var hostile = new HostileInput(seed: 2);
        foreach (var (path, method, operation) in OperationsOf(server))
        {
            var token = operation.Caller == ApiCaller.Agent ? server.Agent.AuthToken : server.Credentials!.SessionToken;
            foreach (var segment in path.Contains('{', StringComparison.Ordinal) ? HostileInput.Segments : [])
            {
                await CheckAsync(server, method, Fill(path, segment), token, operation.Request is null ? null : "{}"u8.ToArray());
            }

            foreach (var parameter in operation.Query)
            {
                for (var i = 0; i < 5; i++)
                {
                    var query = $"?{parameter.Name}={hostile.QueryValue()}&{parameter.Name}={hostile.QueryValue()}";
                    await CheckAsync(server, method, Fill(path, server.Agent.Id.ToString()) + query, token, null);
                }
            }
        }

        await StillWholeAsync(server, log);
    }

    [Fact]
    public async Task NoRouteOfTheAgentsApiTakesATokenOfAnotherKind()
    {
        using var log = new CapturedLog();
        await using var server = await ApiServer.StartAsync(log: log);
        foreach (var (path, method, operation) in OperationsOf(server).Where(static one => one.Operation.Caller != ApiCaller.Anybody))
        {
            string?[] wrong =
            [
                null, "x", "' OR 1=1 --", new string('a', 5000), Guid.Empty.ToString(), "aaaaaaaaaa-aaaaaaaaaaaaaaaaaaaaaa",
                .. operation.Caller == ApiCaller.Agent ? [server.Credentials!.SessionToken] : Array.Empty<string>(),
                .. operation.Caller == ApiCaller.Session ? [server.Agent.AuthToken] : Array.Empty<string>(),
            ];
            foreach (var token in wrong)
            {
                var status = await CheckAsync(server, method, Fill(path, server.Agent.Id.ToString()), token, "{}"u8.ToArray());

                // A terminal tells strangers no more than that it is not there (tailnet.md §6).
                Assert.True(
                    status is 401 || (status is 404 && path.EndsWith("/pty", StringComparison.Ordinal)),
                    $"{method} {path}: {status}");
            }
        }

        await StillWholeAsync(server, log);
    }

    [Fact]
    public async Task NoRouteReadsABodyOfAnySize()
    {
        await using var admin = await AdminListener.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxRequestBodyBytes = 100_000 });
        var server = admin.Server;
        var large = new byte[200_000];
        large.AsSpan().Fill((byte)' ');
        foreach (var (path, method, operation) in OperationsOf(server).Where(static one => one.Operation.Request is not null))
        {
            var token = operation.Caller == ApiCaller.Agent ? server.Agent.AuthToken : server.Credentials!.SessionToken;
            Assert.Equal(413, await CheckAsync(server, method, Fill(path, "key"), token, large));
        }

        foreach (var (path, method, _) in OperationsOf(admin).Where(static one => one.Operation.Request is not null))
        {
            Assert.Equal(413, await CheckAsync(server, method, admin.Url + Fill(path, "admin"), null, large));
        }
    }

    [Fact]
    public async Task NothingSentToTheAdministrationIsAFaultOfTheProgram()
    {
        using var log = new CapturedLog();
        await using var admin = await AdminListener.StartAsync(log: log);
        var server = admin.Server;
        var hostile = new HostileInput(seed: 3);
        foreach (var (path, method, operation) in OperationsOf(admin))
        {
            foreach (var segment in path.Contains('{', StringComparison.Ordinal) ? HostileInput.Segments : [])
            {
                await CheckAsync(
                    server, method, admin.Url + Fill(path, segment), null, operation.Request is null ? null : "{}"u8.ToArray());
            }

            // Nothing is deleted or rotated, because later requests need it.
            if (method == HttpMethod.Delete || path.EndsWith("rotate-token", StringComparison.Ordinal))
            {
                continue;
            }

            var real = path.Replace("{user}", "admin", StringComparison.Ordinal)
                .Replace("{workspace}", "admin%2Fdefault", StringComparison.Ordinal)
                .Replace("{agent}", server.Agent.Id.ToString(), StringComparison.Ordinal);
            foreach (var body in Bodies(operation, hostile))
            {
                await CheckAsync(server, method, admin.Url + Fill(real, "x"), null, body);
            }

            foreach (var parameter in operation.Query)
            {
                await CheckAsync(server, method, $"{admin.Url}{Fill(real, "x")}?{parameter.Name}={hostile.QueryValue()}", null, null);
            }
        }

        await admin.SendAsync(HttpMethod.Patch, "/users/admin", new { status = "active" });
        await StillWholeAsync(server, log);
    }

    private static IEnumerable<(string Path, HttpMethod Method, ApiOperation Operation)> OperationsOf(ApiServer server) => ApiDocument
        .Operations(server.Services.GetRequiredService<EndpointDataSource>().Endpoints, Root)
        .Select(static one => (Root + one.Path, HttpMethod.Parse(one.Method), AgentsOperations.All[$"{one.Method} {one.Path}"]));

    private static IEnumerable<(string Path, HttpMethod Method, ApiOperation Operation)> OperationsOf(AdminListener admin) => ApiDocument
        .Operations(admin.Endpoints, AdministrationApi.Root)
        .Select(static one =>
            (AdministrationApi.Root + one.Path, HttpMethod.Parse(one.Method), AdminOperations.All[$"{one.Method} {one.Path}"]));

    private static IEnumerable<byte[]> Bodies(ApiOperation operation, HostileInput hostile) => operation.Request is { } type
        ? [.. HostileInput.Bodies, .. Enumerable.Range(0, BodiesPerOperation).Select(_ => hostile.Body(type))]
        : ["{\"a\":1}"u8.ToArray()];

    private static string Fill(string path, string value)
    {
        while (path.IndexOf('{', StringComparison.Ordinal) is >= 0 and var start)
        {
            path = path[..start] + value.Replace("{", "%7B", StringComparison.Ordinal) + path[(path.IndexOf('}', start) + 1)..];
        }

        return path;
    }

    private static async Task<int> CheckAsync(ApiServer server, HttpMethod method, string path, string? token, byte[]? body)
    {
        var url = path.StartsWith('/') ? server.Client.BaseAddress!.GetLeftPart(UriPartial.Authority) + path : path;
        using var request = new HttpRequestMessage(
            method, new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Coder-Session-Token", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            request.Headers.ExpectContinue = body.Length > 100_000;
        }

        // Streams have no length and no end.
        using var response = await server.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var answer = response.Content.Headers.ContentLength is > 0
            ? await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)
            : "";
        var what = $"{method} {path} {(body is null ? "" : Encoding.Latin1.GetString(body, 0, Math.Min(body.Length, 300)))}\n"
            + $"{(int)response.StatusCode} {answer}";
        Assert.True((int)response.StatusCode < 500, what);
        foreach (var secret in Secrets(server))
        {
            Assert.False(answer.Contains(secret, StringComparison.Ordinal), what);
        }

        return (int)response.StatusCode;
    }

    private static string[] Secrets(ApiServer server) => [server.Agent.AuthToken, server.Credentials!.SessionToken.Split('-')[1]];

    private static async Task StillWholeAsync(ApiServer server, CapturedLog log)
    {
        Assert.Equal(200, (await server.GetAsUserAsync("/api/v2/users/me")).Status);
        Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath)).Status);
        Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/manifest")).Status);
        foreach (var secret in (string[])[.. Secrets(server), HostileInput.Marker])
        {
            Assert.DoesNotContain(log.Lines, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }
}
