namespace ControlPlane.Tests;

public sealed class AuthenticationTests
{
    private const string UserPath = "/api/v2/users/me";
    private const string AgentPath = "/api/v2/workspaceagents/me/gitsshkey";
    private const string SignedOut = "You are signed out or your session has expired. Please sign in again to continue.";

    [Theory]
    [InlineData("cookie")]
    [InlineData("query")]
    [InlineData("header")]
    [InlineData("bearer")]
    [InlineData("lowercase bearer")]
    [InlineData("access_token")]
    public async Task ATokenIsFoundInEachOfItsPlaces(string place)
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(200, (await server.SendAsync(With(UserPath, (place, server.Credentials!.SessionToken)))).Status);
        Assert.Equal(200, (await server.SendAsync(With(AgentPath, (place, server.Agent.AuthToken)))).Status);
    }

    [Theory]
    [InlineData("cookie", "query")]
    [InlineData("query", "header")]
    [InlineData("header", "bearer")]
    [InlineData("bearer", "access_token")]
    [InlineData("cookie", "header")]
    public async Task AStaleTokenInAnEarlierPlaceBeatsAGoodOneInALater(string earlier, string later)
    {
        await using var server = await ApiServer.StartAsync();
        var good = server.Credentials!.SessionToken;
        var stale = "abcdefghij-abcdefghijklmnopqrstuv";
        Assert.Equal(401, (await server.SendAsync(With(UserPath, (earlier, stale), (later, good)))).Status);
        Assert.Equal(200, (await server.SendAsync(With(UserPath, (earlier, good), (later, stale)))).Status);
        Assert.Equal(200, (await server.SendAsync(With(UserPath, (earlier, ""), (later, good)))).Status);
    }

    [Fact]
    public async Task ARequestWithoutASessionIsToldSo()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsync(UserPath);
        Assert.Equal((401, SignedOut), (answer.Status, answer.Message));
        Assert.NotNull(answer.Detail);
        Assert.StartsWith("Bearer realm=\"coder\"", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("abcdefghij")]
    [InlineData("abcdefghij-short")]
    [InlineData("abcdefghij-abcdefghijklmnopqrstuv")]
    [InlineData("abcdefghij-abcdefghijklmnopqrstuv-x")]
    [InlineData("' OR 1=1 --")]
    public async Task ABadKeyIs401(string token)
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var path in new[] { UserPath, server.AgentPath })
        {
            var answer = await server.GetAsync(path, token);
            Assert.Equal((401, SignedOut), (answer.Status, answer.Message));
        }
    }

    [Fact]
    public async Task TheRightIdWithAWrongSecretIs401()
    {
        await using var server = await ApiServer.StartAsync();
        var token = server.Credentials!.SessionToken;
        var wrong = token[..^1] + (token[^1] == 'x' ? 'y' : 'x');
        Assert.Equal(401, (await server.GetAsync(UserPath, wrong)).Status);
    }

    [Fact]
    public async Task AnExpiredKeyIs401WithItsTime()
    {
        await using var server = await ApiServer.StartAsync();
        server.Execute("UPDATE api_keys SET expires_at = 1000000");
        var answer = await server.GetAsUserAsync(UserPath);
        Assert.Equal((401, SignedOut), (answer.Status, answer.Message));
        Assert.Contains("1970-01-01T00:00:01Z", answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASuspendedUserIs401NamingTheStatus()
    {
        await using var server = await ApiServer.StartAsync();
        server.Execute("UPDATE users SET status = 'suspended'");
        var answer = await server.GetAsUserAsync(UserPath);
        Assert.Equal(401, answer.Status);
        Assert.Contains("suspended", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentRouteAsksForAnAgentToken()
    {
        await using var server = await ApiServer.StartAsync();
        var none = await server.GetAsync(AgentPath);
        Assert.Equal((401, "Cookie \"coder_session_token\" must be provided."), (none.Status, none.Message));
        Assert.Contains("\\\"coder_session_token\\\"", none.Body, StringComparison.Ordinal);

        var noUuid = await server.GetAsUserAsync(AgentPath);
        Assert.Equal((401, "Workspace agent token invalid."), (noUuid.Status, noUuid.Message));
        Assert.Contains("len 33", noUuid.Detail, StringComparison.Ordinal);

        var unknown = await server.GetAsync(AgentPath, Guid.NewGuid().ToString());
        Assert.Equal((401, "Workspace agent not authorized."), (unknown.Status, unknown.Message));
        Assert.Contains("provision job", unknown.Detail, StringComparison.Ordinal);

        // An agent's id is no secret, and no token.
        Assert.Equal(401, (await server.GetAsync(AgentPath, server.Agent.Id.ToString())).Status);
    }

    [Fact]
    public async Task AnAgentTokenOpensNoUserRoute()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(401, (await server.GetAsync(UserPath, server.Agent.AuthToken)).Status);
        Assert.Equal(401, (await server.GetAsync(server.AgentPath, server.Agent.AuthToken)).Status);
    }

    [Fact]
    public async Task AnAgentRouteAuthenticatesBeforeItSaysWhatItDoesNotHave()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var path in new[] { "manifest/x", "coordinate/x", "nothing/at/all" })
        {
            Assert.Equal(401, (await server.GetAsync("/api/v2/workspaceagents/me/" + path)).Status);
            var answer = await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/" + path);
            Assert.Equal((404, "Route not found."), (answer.Status, answer.Message));
        }

        Assert.Equal(401, (await server.SendAsync(HttpMethod.Post, AgentPath)).Status);
        Assert.Equal(405, (await server.SendAsAgentAsync(HttpMethod.Post, AgentPath)).Status);
    }

    [Fact]
    public async Task ARouteByIdTakesExactlyOneOfASessionAndAProxy()
    {
        await using var server = await ApiServer.StartAsync();
        var neither = await server.GetAsync(server.AgentPath);
        Assert.Equal((401, "API key or external proxy authentication required, but none provided"), (neither.Status, neither.Message));

        var proxy = await server.SendAsync(With(server.AgentPath, ("proxy", "p:s")));
        Assert.Equal((401, "Invalid external proxy token"), (proxy.Status, proxy.Message));

        var both = await server.SendAsync(With(server.AgentPath, ("proxy", "p:s"), ("header", server.Credentials!.SessionToken)));
        Assert.Equal((400, "API key and external proxy authentication provided, but only one is allowed"), (both.Status, both.Message));
    }

    private static HttpRequestMessage With(string path, params (string Place, string Token)[] tokens)
    {
        var query = new List<string>();
        var request = new HttpRequestMessage();
        foreach (var (place, token) in tokens)
        {
            switch (place)
            {
                case "cookie":
                    request.Headers.Add("Cookie", $"a=b; coder_session_token={token}; c=d");
                    break;
                case "query":
                    query.Add("coder_session_token=" + token);
                    break;
                case "header":
                    request.Headers.Add("Coder-Session-Token", token);
                    break;
                case "bearer":
                    request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
                    break;
                case "lowercase bearer":
                    request.Headers.TryAddWithoutValidation("Authorization", "bearer " + token);
                    break;
                case "access_token":
                    query.Add("access_token=" + token);
                    break;
                case "proxy":
                    request.Headers.Add("Coder-External-Proxy-Token", token);
                    break;
            }
        }

        request.RequestUri = new Uri(path + "?" + string.Join('&', query), UriKind.Relative);
        return request;
    }
}
