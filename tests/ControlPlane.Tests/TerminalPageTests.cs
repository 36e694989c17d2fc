using System.Net;

namespace ControlPlane.Tests;

/// <summary><c>/terminal/{agent}</c>: signing in and out, and what the page may load.</summary>
public sealed class TerminalPageTests : IAsyncLifetime
{
    private ApiServer _server = null!;
    private HttpClient _browser = null!;

    private string Page => $"/terminal/{_server.Agent.Id}";

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _browser = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = _server.Client.BaseAddress,
        };
    }

    public async ValueTask DisposeAsync()
    {
        _browser.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task AStrangerGetsAFormAndNothingElse()
    {
        using var answer = await SendAsync(HttpMethod.Get, Page);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("name=\"token\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("terminal.js", text, StringComparison.Ordinal);
        var policy = string.Join(' ', answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        Assert.Equal("same-origin", answer.Headers.GetValues("Referrer-Policy").Single());
    }

    [Theory]
    [InlineData("http", false)]
    [InlineData("https", true)]
    public async Task ThePostedTokenBecomesACookieForThisTerminalAlone(string scheme, bool secure)
    {
        using var answer = await SendAsync(
            HttpMethod.Post, Page, Form("token", _server.Credentials!.SessionToken), ("X-Forwarded-Proto", scheme));
        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        Assert.Equal(Page, answer.Headers.Location?.ToString());
        var cookies = answer.Headers.GetValues("Set-Cookie").ToArray();
        Assert.Equal(
            new[] { Page, $"{_server.AgentPath}/pty" },
            cookies.Select(
                static cookie => cookie.Split("; ").Single(static part => part.StartsWith("path=", StringComparison.Ordinal))[5..]));
        Assert.All(cookies, cookie =>
        {
            Assert.StartsWith($"coder_session_token={_server.Credentials!.SessionToken};", cookie, StringComparison.Ordinal);
            Assert.Contains("; httponly", cookie, StringComparison.Ordinal);
            Assert.Contains("; samesite=strict", cookie, StringComparison.Ordinal);
            Assert.Equal(secure, cookie.Contains("; secure", StringComparison.Ordinal));
        });

        using var page = await SendAsync(HttpMethod.Get, Page, null, ("Cookie", cookies[0].Split(';')[0]));
        Assert.DoesNotContain(
            "name=\"token\"",
            await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWrongTokenSetsNoCookie()
    {
        using var answer = await SendAsync(HttpMethod.Post, Page, Form("token", "0123456789-0123456789012345678901"));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Contains(
            "This session token is not valid.",
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheFormSaysWhyItIsThere()
    {
        using var empty = await SendAsync(HttpMethod.Post, Page, Form("token", " "));
        Assert.Contains(
            "Enter a session token.",
            await empty.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        using var stale = await SendAsync(HttpMethod.Get, Page, null, ("Cookie", "coder_session_token=0123456789-0123456789012345678901"));
        Assert.Contains(
            "You are signed out",
            await stale.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        using var stranger = await SendAsync(HttpMethod.Get, Page);
        Assert.DoesNotContain(
            "role=\"alert\"",
            await stranger.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATokenInTheQueryDoesNotSignIn()
    {
        using var answer = await SendAsync(HttpMethod.Post, $"{Page}?token={_server.Credentials!.SessionToken}", Form("other", "x"));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("http://evil.example")]
    [InlineData("null")]
    public async Task AFormOfAnotherSiteIsRefused(string origin)
    {
        foreach (var field in new[] { "token", "sign_out" })
        {
            using var answer = await SendAsync(HttpMethod.Post, Page, Form(field, _server.Credentials!.SessionToken), ("Origin", origin));
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.False(answer.Headers.Contains("Set-Cookie"));
        }
    }

    [Fact]
    public async Task WhatIsNoSmallFormIsRefused()
    {
        using var json = await SendAsync(HttpMethod.Post, Page, new StringContent("{}"));
        Assert.Equal(HttpStatusCode.BadRequest, json.StatusCode);
        using var large = await SendAsync(HttpMethod.Post, Page, Form("token", new string('x', 5000)));
        Assert.Equal(HttpStatusCode.BadRequest, large.StatusCode);
    }

    [Fact]
    public async Task SigningOutTakesTheCookiesBack()
    {
        using var answer = await SendAsync(HttpMethod.Post, Page, Form("sign_out", "1"));
        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        Assert.All(
            answer.Headers.GetValues("Set-Cookie"),
            static cookie => Assert.Contains("expires=Thu, 01 Jan 1970", cookie, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("terminal.js", "text/javascript")]
    [InlineData("terminal.css", "text/css")]
    public async Task ItsFilesAreServed(string file, string type)
    {
        using var answer = await SendAsync(HttpMethod.Get, $"/terminal/assets/{file}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("/terminal/assets/sign-in.html")]
    [InlineData("/terminal/assets/nothing.js")]
    [InlineData("/terminal/no-uuid")]
    public async Task NothingElseIs(string path)
    {
        using var answer = await SendAsync(HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    private static FormUrlEncodedContent Form(string name, string value) => new(new Dictionary<string, string> { [name] = value });

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        return await _browser.SendAsync(request, TestContext.Current.CancellationToken)
            .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
    }
}
