using System.Net;
using System.Text.Json.Nodes;
using Edge.Administration;
using Edge.Program;

namespace EndToEnd;

/// <summary>The commands of <c>Edge admin</c> against a whole node, as the program runs them.</summary>
public class AdminCommandTests
{
    [Fact]
    public async Task AUserAWorkspaceAndAnAgentAreMadeAndTheirTokensWork()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");

        Assert.Equal(0, (await RunAsync(edge, "user", "create", "ann", "--email", "a@b.example")).Code);
        var token = await JsonAsync(edge, "token", "create", "ann", "--lifetime", "1h");
        Assert.Equal(0, (await RunAsync(edge, "workspace", "create", "ann", "dev")).Code);
        var agent = await JsonAsync(
            edge, "agent", "create", "ann/dev", "main", "--env", "A=1", "--env=B=x=y", "--connection-timeout", "5m");

        using var asUser = await GetAsync(edge, "/api/v2/workspaceagents/" + agent["id"], token["token"]);
        Assert.Equal(HttpStatusCode.OK, asUser.StatusCode);
        var shown = JsonNode.Parse(await asUser.Content.ReadAsStringAsync())!;
        Assert.Equal(300, shown["connection_timeout_seconds"]!.GetValue<int>());
        Assert.Equal("x=y", shown["environment_variables"]!["B"]!.GetValue<string>());
        using var asAgent = await GetAsync(edge, "/api/v2/workspaceagents/me/manifest", agent["auth_token"]);
        Assert.Equal(HttpStatusCode.OK, asAgent.StatusCode);

        Assert.Equal(0, (await RunAsync(edge, "agent", "delete", "ann/dev/main", "--yes")).Code);
        using var gone = await GetAsync(edge, "/api/v2/workspaceagents/me/manifest", agent["auth_token"]);
        Assert.Equal(HttpStatusCode.Unauthorized, gone.StatusCode);
    }

    [Fact]
    public async Task AListIsATableForPeopleAndJsonForScripts()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=api");

        var table = await RunAsync(edge, "agent", "list");
        var json = await JsonAsync(edge, "agent", "list", "--workspace", "admin/default");
        var shown = await RunAsync(edge, "agent", "show", "admin/default/main");

        Assert.Equal(
            ["OWNER", "WORKSPACE", "NAME", "STATUS"],
            table.Output.Split('\n')[0].Split("  ", StringSplitOptions.RemoveEmptyEntries).Take(4));
        Assert.Matches("(?m)^admin +default +main +connecting ", table.Output);
        Assert.Equal(1, json["count"]!.GetValue<int>());
        Assert.Matches("(?m)^agent.name +main\\r?$", shown.Output);
    }

    [Fact]
    public async Task AgentsAreDeclaredByAFileAndSecretsComeByAFileToo()
    {
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=all",
            "ControlPlane:ExternalAuth:0:Id=hub",
            "ControlPlane:ExternalAuth:0:Type=github",
            "ControlPlane:ExternalAuth:0:Regex=hub",
            "ControlPlane:ExternalAuth:0:LinkUrl=https://a.example/");
        var file = Path.Combine(edge.DataDirectory, "agent.json");
        await File.WriteAllTextAsync(
            file, """{"apps": [{"slug": "site"}], "metadata": [{"key": "load", "script": "uptime", "interval": 5}]}""");
        var secret = Path.Combine(edge.DataDirectory, "secret");
        await File.WriteAllTextAsync(secret, "geheim\n");

        var declared = await JsonAsync(edge, "agent", "declare", "admin/default/main", "--file", file);
        var set = await RunAsync(edge, "external-auth", "set", "admin", "hub", "--access-token-file", secret);
        var links = await RunAsync(edge, "external-auth", "list", "admin");

        Assert.Equal("site", declared["declarations"]!["apps"]![0]!["slug"]!.GetValue<string>());
        Assert.Equal((0, ""), (set.Code, set.Errors));
        Assert.Contains("hub", links.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatDeletesAsksOrNeedsYes()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");
        await RunAsync(edge, "user", "create", "ann");
        string[] delete = ["user", "delete", "ann", "--with-workspaces"];

        var unasked = await RunAsync(edge, delete);
        var refused = await AnswerAsync("n");
        var silent = await AnswerAsync("");
        Assert.Equal((2, ""), (unasked.Code, unasked.Output));
        Assert.Contains("no terminal to ask for confirmation; add --yes", unasked.Errors, StringComparison.Ordinal);
        Assert.Equal((1, 1), (refused.Code, silent.Code));
        Assert.StartsWith(
            "This will delete a user and its tokens, and delete its workspaces and their agents too: ann. Go on? [y/N] ",
            refused.Errors,
            StringComparison.Ordinal);
        Assert.Contains("nothing was deleted", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(edge, "user", "show", "ann")).Code);

        Assert.Equal(0, (await AnswerAsync("y")).Code);
        Assert.Equal(1, (await RunAsync(edge, "user", "show", "ann")).Code);
        Assert.Equal(2, (await RunAsync(edge, "user", "list", "--yes")).Code);

        var last = await RunAsync(edge, "user", "delete", "admin", "--with-workspaces", "--yes");
        Assert.Equal(1, last.Code);

        async Task<(int Code, string Errors)> AnswerAsync(string answer)
        {
            using var errors = new StringWriter();
            using var input = new StringReader(answer);
            string[] command = ["admin", .. delete, "--url", edge.Node.AdminUrl, "--token-file", Bootstrap(edge)];
            return (await EdgeProgram.RunAsync(
                command, new AdminInput(() => input, CanAsk: true), TextWriter.Null, errors), errors.ToString());
        }
    }

    public static TheoryData<string> Deleting { get; } =
    [
        .. from noun in AdminCommands.Create([], Nobody).Subcommands
           from command in noun.Subcommands.Cast<AdminCommand>()
           where command.Method == HttpMethod.Delete
           select string.Join(' ', [noun.Name, command.Name, .. command.Arguments.Select(static _ => "x")])
    ];

    [Theory]
    [MemberData(nameof(Deleting))]
    public async Task NoCommandDeletesWithoutAQuestion(string command)
    {
        var token = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(token, "token", TestContext.Current.CancellationToken);
            string[] arguments = [.. command.Split(' '), "--url", "http://127.0.0.1:1", "--token-file", token];
            var (code, _, errors) = await RunAsync(arguments);
            Assert.Equal(2, code);
            Assert.Contains("add --yes", errors, StringComparison.Ordinal);
            Assert.Equal(3, (await RunAsync([.. arguments, "--yes"])).Code);
        }
        finally
        {
            File.Delete(token);
        }
    }

    [Fact]
    public async Task AFieldThatIsWrongIsNamedWithWhatIsAllowed()
    {
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=all",
            "ControlPlane:ExternalAuth:0:Id=hub",
            "ControlPlane:ExternalAuth:0:Type=github",
            "ControlPlane:ExternalAuth:0:LinkUrl=https://a.example/");
        var secret = Path.Combine(edge.DataDirectory, "secret");
        await File.WriteAllTextAsync(secret, "geheim\n");

        var nested = await DeclareAsync("""{"apps": [{"slug": "site", "healthcheck": {"url": "http://127.0.0.1"}}]}""");
        var twice = await DeclareAsync("""{"apps": [], "apps": []}""");
        var broken = await DeclareAsync("""{"apps": [}""");
        var date = await RunAsync(edge, "external-auth", "set", "admin", "hub", "--access-token-file", secret, "--expires-at", "tomorrow");

        Assert.Equal((1, 2, 2, 1), (nested.Code, twice.Code, broken.Code, date.Code));
        Assert.StartsWith(
            "edge: Validation failed. apps[0].healthcheck is not known; known are id, slug, ",
            nested.Errors,
            StringComparison.Ordinal);
        Assert.Contains("Duplicate property 'apps'", twice.Errors, StringComparison.Ordinal);
        Assert.Contains("cannot be read as JSON", broken.Errors, StringComparison.Ordinal);
        Assert.Equal("edge: Validation failed. expires_at must be a time of RFC 3339 such as 2030-01-31T00:00:00Z or null\n", date.Errors);

        async Task<(int Code, string Output, string Errors)> DeclareAsync(string declarations)
        {
            var file = Path.Combine(edge.DataDirectory, "agent.json");
            await File.WriteAllTextAsync(file, declarations);
            return await RunAsync(edge, "agent", "declare", "admin/default/main", "--file", file);
        }
    }

    [Fact]
    public async Task TheExitCodeTellsWhatWentWrong()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");

        var refused = await RunAsync(edge, "user", "show", "nobody");
        var missing = await RunAsync(edge, "user", "create");
        var unknown = await RunAsync(edge, "user", "paint", "ann");
        var option = await RunAsync(edge, "user", "list", "--colour", "red");
        var unreachable = await RunAsync(["user", "list", "--url", "http://127.0.0.1:1", "--token-file", Bootstrap(edge)]);
        var wrongToken = Path.Combine(edge.DataDirectory, "wrong");
        await File.WriteAllTextAsync(wrongToken, "wrong");
        var unauthorised = await RunAsync(["user", "list", "--url", edge.Node.AdminUrl, "--token-file", wrongToken]);

        Assert.Equal((1, 2, 2, 2, 3, 1), (refused.Code, missing.Code, unknown.Code, option.Code, unreachable.Code, unauthorised.Code));
        Assert.Contains("There is no such user.", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("'username' missing", missing.Errors, StringComparison.Ordinal);
        Assert.Contains("create, list, show", unknown.Errors, StringComparison.Ordinal);
        Assert.StartsWith("edge: --colour: unknown option", option.Errors, StringComparison.Ordinal);
        Assert.All([refused, missing, unknown, option, unreachable, unauthorised], static result => Assert.Equal("", result.Output));
    }

    [Theory]
    [InlineData("  workspace  ")]
    [InlineData("  reinit <workspace>  ", "workspace")]
    [InlineData("Edge admin agent rotate-token <agent>", "agent", "rotate-token")]
    [InlineData("--access-token-file <FILE> (REQUIRED)", "external-auth", "set")]
    public async Task EveryLevelHasItsHelp(string expected, params string[] command)
    {
        var (code, output, errors) = await RunAsync([.. command, "--help"]);

        Assert.Equal((0, ""), (code, errors));
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains("Exit codes", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ANodeWithoutAnApiServerHasNothingToAdminister()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        var result = await RunAsync(edge, "user", "list");

        Assert.Equal(1, result.Code);
        Assert.Contains("no API server", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/admin/v1/users")]
    [InlineData("POST", "/admin/v1/agents")]
    [InlineData("DELETE", "/admin/v1/users/admin")]
    [InlineData("GET", "/admin/v1/openapi.json")]
    [InlineData("GET", "/admin/v1/nothing")]
    public async Task NothingIsAdministeredWithoutTheAdminToken(string method, string path)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");
        var tokens = new[] { null, "wrong", Bootstrapped.SessionToken(Bootstrap(edge)), Bootstrapped.AgentToken(Bootstrap(edge)) };
        foreach (var token in tokens)
        {
            using var request = new HttpRequestMessage(HttpMethod.Parse(method), path);
            if (token is not null)
            {
                request.Headers.Add("Authorization", "Bearer " + token);
                request.Headers.Add("Coder-Session-Token", token);
            }

            using var answer = await edge.Admin.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }

        using var throughThePublicDoor = await edge.Public.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, throughThePublicDoor.StatusCode);
    }

    [Fact]
    public async Task TheOpenApiDocumentComesThroughTheEdge()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");

        var document = JsonNode.Parse(await edge.Public.GetStringAsync("/api/v2/openapi.json"))!;

        Assert.Equal("3.1.0", document["openapi"]!.GetValue<string>());
    }

    private static AdminInput Nobody => new(static () => TextReader.Null, CanAsk: false);

    private static string Bootstrap(TestNode edge) => edge.Node.Data.BootstrapFile;

    private static Task<(int Code, string Output, string Errors)> RunAsync(TestNode edge, params string[] command) =>
        RunAsync([.. command, "--url", edge.Node.AdminUrl, "--token-file", Bootstrap(edge)]);

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string[] command)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await EdgeProgram.RunAsync(["admin", .. command], Nobody, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private static async Task<JsonNode> JsonAsync(TestNode edge, params string[] command)
    {
        var (code, output, errors) = await RunAsync(edge, [.. command, "--json"]);
        Assert.Equal((0, ""), (code, errors));
        return JsonNode.Parse(output)!;
    }

    private static async Task<HttpResponseMessage> GetAsync(TestNode edge, string path, JsonNode? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Coder-Session-Token", token!.GetValue<string>());
        return await edge.Public.SendAsync(request);
    }
}
