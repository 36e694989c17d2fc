using System.Text.RegularExpressions;
using ControlPlane.Connections;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>
/// Streams that a web page of another site asks for, on every route with streams: the server checks the Origin before anything else.
/// </summary>
public sealed partial class StreamOriginTests : IAsyncLifetime
{
    private readonly FakeAgent _agent = new()
    {
        // As where Docker is off.
        Containers = static _ => Task.FromException<AgentContainers>(new AgentConnectionException(500, "Could not get containers.")),
    };

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await ApiServer.StartAsync(directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = _agent });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://127.0.0.1:1")]
    public async Task EveryRouteRefusesStreamsOfAnotherOriginFirst(string origin)
    {
        var paths = Paths();
        Assert.Contains(_server.AgentPath + "/containers/watch", paths);
        Assert.Contains("/api/v2/workspaceagents/me/reinit", paths);
        foreach (var path in paths)
        {
            foreach (var token in new[] { null, "nonsense", _server.Credentials!.SessionToken, _server.Agent.AuthToken })
            {
                var handshake = await SendAsync(path, token, origin, Handshake);
                Assert.True(
                    (403, "Failed to accept websocket.") == (handshake.Status, handshake.Message),
                    $"{path}: {handshake.Status} {handshake.Body}");
                var events = await SendAsync(path, token, origin, ("Accept", "text/event-stream"));
                Assert.True(
                    (403, "Failed to open the event stream.") == (events.Status, events.Message),
                    $"{path}: {events.Status} {events.Body}");
            }
        }

        Assert.Null(_agent.Requested);
    }

    [Fact]
    public async Task ItsOwnPagesAndClientsWithoutAnOriginAreLetOn()
    {
        var watch = _server.AgentPath + "/containers/watch";
        foreach (var origin in new[] { null, $"http://{_server.Client.BaseAddress!.Authority}" })
        {
            Assert.Equal(500, (await SendAsync(watch, _server.Credentials!.SessionToken, origin, Handshake)).Status);
            Assert.Equal(401, (await SendAsync("/api/v2/workspaceagents/me/reinit", null, origin, ("Accept", "text/event-stream"))).Status);
        }
    }

    private static readonly (string Name, string Value)[] Handshake =
    [
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];

    private string[] Paths() =>
    [
        .. _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(static endpoint => endpoint.RoutePattern.RawText!)
            .Select(pattern => "/" + Parameter().Replace(
                pattern.TrimStart('/').Replace("{**path}", "more", StringComparison.Ordinal), _server.Agent.Id.ToString()))
            .Distinct(),
    ];

    private Task<Answer> SendAsync(string path, string? token, string? origin, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        if (token is not null)
        {
            request.Headers.Add("Coder-Session-Token", token);
        }

        return _server.SendAsync(request);
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
