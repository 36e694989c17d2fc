using System.Text;
using System.Text.Json;
using ControlPlane.Administration;
using ControlPlane.ExternalAuth;
using ControlPlane.Http;
using ControlPlane.OpenApi;
using ControlPlane.Statistics;
using ControlPlane.Tests.Administration;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.BadInput;

/// <summary>Valid JSON with a wrong field: the answer names the field and what is allowed there.</summary>
public sealed class FieldErrorTests
{
    private const string Declarations = "/agents/admin%2Fdefault%2Fmain/declarations";

    [Fact]
    public async Task EveryRouteNamesTheFieldThatIsWrong()
    {
        await using var admin = await AdminListener.StartAsync();
        var server = admin.Server;
        var agents = ApiDocument.Operations(server.Services.GetRequiredService<EndpointDataSource>().Endpoints, "/api/v2")
            .Select(one => ("/api/v2" + one.Path, one.Method, Operation: AgentsOperations.All[$"{one.Method} {one.Path}"]));
        var administration = ApiDocument.Operations(admin.Endpoints, AdministrationApi.Root)
            .Select(one =>
                (admin.Url + AdministrationApi.Root + one.Path, one.Method, Operation: AdminOperations.All[$"{one.Method} {one.Path}"]));
        var tried = 0;
        foreach (var (path, method, operation) in agents.Concat(administration).Where(static one => one.Operation.Request is not null))
        {
            var url = path.Replace("{user}", "admin", StringComparison.Ordinal)
                .Replace("{workspace}", "admin%2Fdefault", StringComparison.Ordinal)
                .Replace("{agent}", server.Agent.Id.ToString(), StringComparison.Ordinal)
                .Replace("{key}", "key", StringComparison.Ordinal)
                .Replace("{provider}", "hub", StringComparison.Ordinal);
            foreach (var (body, field) in WrongFields.Of(operation.Request!))
            {
                var token = operation.Caller == ApiCaller.Agent ? server.Agent.AuthToken : null;
                var answer = await server.SendAsync(HttpMethod.Parse(method), url, token, body);
                var what = $"{method} {url} {body}\n{answer.Status} {answer.Body}";
                Assert.True((answer.Status, answer.Message) == (400, "Validation failed."), what);
                var fault = answer.Json.GetProperty("validations")[0];
                Assert.True(fault.GetProperty("field").GetString() == field, what);
                Assert.True(fault.GetProperty("detail").GetString() is { Length: > 0 }, what);
                tried++;
            }
        }

        Assert.InRange(tried, 500, 5000);
    }

    [Theory]
    [InlineData(
        """{"apps":[{"slug":"a","healthcheck":{"url":"http://x"}}]}""",
        "apps[0].healthcheck",
        "is not known; known are id, slug, display_name, url, ")]
    [InlineData("""{"apps":[{"slug":"a"},{"slug":1}]}""", "apps[1].slug", "must be a string")]
    [InlineData("""{"apps":[{"slug":null}]}""", "apps[0].slug", "must be a string, not null")]
    [InlineData("""{"apps":[null]}""", "apps[0]", "must be an object, not null")]
    [InlineData("""{"apps":{}}""", "apps", "must be a list")]
    [InlineData("""{"apps":null}""", "apps", "must be a list, not null")]
    [InlineData("""{"apps":[{"id":"x"}]}""", "apps[0].id", "must be a UUID such as 3b579bf4-1ed8-4b99-87a8-e9a1e3410410 or null")]
    [InlineData("""{"apps":[{"hidden":"no"}]}""", "apps[0].hidden", "must be true or false")]
    [InlineData(
        """{"apps":[{"healthcheck_interval":4294967296}]}""",
        "apps[0].healthcheck_interval",
        "must be a whole number from -2147483648 to 2147483647")]
    [InlineData("""{"apps":[{"slug":"a","healthcheck_interval":-1}]}""", "apps[0].healthcheck_interval", "must be from 0 to 31622400")]
    [InlineData("""{"apps":[{"slug":"a","slug":"b"}]}""", "apps[0].slug", "must not be there twice")]
    [InlineData("""{"apps":[],"apps":[]}""", "apps", "must not be there twice")]
    [InlineData(
        """{"apps":[{"slug":"a","sharing_level":"all"}]}""",
        "apps[0].sharing_level",
        "must be one of owner, authenticated, organization, public")]
    [InlineData("""{"Apps":[]}""", "Apps", "is not known; known are apps, scripts, devcontainers, metadata, resources")]
    [InlineData("""{"":1}""", "\"\"", "is not known; ")]
    [InlineData("[]", "body", "must be an object or null")]
    public async Task ADeclarationThatIsWrongNamesTheFieldAndWhatIsAllowed(string body, string field, string allowed)
    {
        await using var admin = await AdminListener.StartAsync();
        var answer = await admin.SendAsync(HttpMethod.Put, Declarations, body);
        Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
        var fault = Assert.Single(answer.Json.GetProperty("validations").EnumerateArray());
        Assert.Equal(field, fault.GetProperty("field").GetString());
        Assert.StartsWith(allowed, fault.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        """{"access_token":"x","expires_at":"tomorrow"}""",
        "expires_at",
        "must be a time of RFC 3339 such as 2030-01-31T00:00:00Z or null")]
    [InlineData("""{"access_token":"two words"}""", "access_token", "must be printable ASCII without spaces, of 1 to 16384 characters")]
    [InlineData("""{"access_token":"x","token_extra":[]}""", "token_extra", "must be a JSON object of at most 65536 characters")]
    [InlineData(
        """{"access_token":"x","token_extra":{"a":1,"a":2}}""",
        "token_extra",
        "must be a value without the same name twice in an object or null")]
    public async Task AUsersTokenForAnotherServiceThatIsWrongNamesTheField(string body, string field, string allowed)
    {
        await using var admin = await AdminListener.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            ExternalAuth = [new ExternalAuthProvider { Id = "hub", Type = "github", LinkUrl = new Uri("https://a.example") }],
        });
        var answer = await admin.SendAsync(HttpMethod.Put, "/users/admin/external-auth/hub", body);
        Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
        var fault = Assert.Single(answer.Json.GetProperty("validations").EnumerateArray());
        Assert.Equal((field, allowed), (fault.GetProperty("field").GetString(), fault.GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task AnEnvironmentVariableWithoutAValueNamesTheField()
    {
        await using var admin = await AdminListener.StartAsync();
        var answer = await admin.PostAsync(
            "/agents", """{"workspace":"admin/default","name":"b","environment_variables":{"A":null},"display_apps":[null]}""");
        Assert.Equal(400, answer.Status);
        Assert.Equal(
            [("environment_variables.A", "must be a string, not null"), ("display_apps[0]", "must be a string, not null")],
            answer.Json.GetProperty("validations").EnumerateArray().Select(
                static one => (one.GetProperty("field").GetString(), one.GetProperty("detail").GetString())));
    }

    [Fact]
    public async Task ClientsOfAllAgesMaySendWhatIsNotKnownOrTwice()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(
            HttpMethod.Post, "/api/v2/workspaceagents/me/report-lifecycle",
            """{"new":[{}],"STATE":"off","state":"starting","changed_at":null}""");
        Assert.Equal(204, answer.Status);
        Assert.Equal("starting", (await server.GetAsUserAsync(server.AgentPath)).Text("lifecycle_state"));
    }

    [Fact]
    public async Task AWordThatIsNoneNamesItsField()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var (method, path, body, field) in new[]
        {
            (HttpMethod.Patch, "logs", """{"logs":[{"output":"a"},{"output":"b","level":"loud"}]}""", "logs[1].level"),
            (HttpMethod.Post, "report-lifecycle", """{"state":"asleep"}""", "state"),
            (HttpMethod.Post, "startup", """{"version":"one"}""", "version"),
            (HttpMethod.Post, "startup", """{"version":"v1.0.0","subsystems":["x"]}""", "subsystems"),
            (HttpMethod.Patch, "app-status", """{"state":"asleep"}""", "state"),
            (HttpMethod.Post, "app-health", """{"healths":{"x":"healthy"}}""", "healths"),
        })
        {
            var answer = await server.SendAsAgentAsync(method, "/api/v2/workspaceagents/me/" + path, body);
            Assert.Equal((400, field), (answer.Status, answer.Json.GetProperty("validations")[0].GetProperty("field").GetString()));
        }
    }

    [Fact]
    public void TheAnswerIsShortHoweverMuchIsWrong()
    {
        var members = Enumerable.Range(0, 10_000).Select(static index => $"\"{new string('x', 1000)}{index}\":1");
        var body = Encoding.UTF8.GetBytes($"{{{string.Join(',', members)}}}");
        var faults = BodyCheck.Find(body, AdministrationJson.Wire.CreateUser);
        Assert.Equal(BodyCheck.MaxErrors, faults.Count);
        Assert.All(faults, static fault => Assert.InRange(fault.Field.Length + fault.Detail.Length, 1, 300));
    }

    [Fact]
    public void WhatTheSerialiserReadsHasNoFault()
    {
        var hostile = new HostileInput(seed: 4);
        for (var round = 0; round < 2000; round++)
        {
            var body = hostile.Body(StatisticsJson.Wire.ReportStatsRequest);
            LoneSurrogates.Replace(body);
            Assert.Equal(Reads(body), BodyCheck.Find(body, StatisticsJson.Wire.ReportStatsRequest).Count == 0);
        }

        static bool Reads(byte[] body)
        {
            try
            {
                JsonSerializer.Deserialize(body, StatisticsJson.Wire.ReportStatsRequest);
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }
}
