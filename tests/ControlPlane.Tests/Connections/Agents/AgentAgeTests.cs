using System.Net.WebSockets;
using System.Text;
using ControlPlane.Connections;
using ControlPlane.Connections.Agents;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Ports and containers of agents of all ages (tailnet-node.md §7).</summary>
public sealed class AgentAgeTests : IAsyncLifetime
{
    private const string Containers = "/api/v0/containers";
    private const string Initiated = "Devcontainer recreation initiated";
    private const string Id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    private const string Container = """
        {"created_at":"2026-01-02T03:04:05.123456789+01:00","id":"0123","name":"web","image":"nginx","labels":null,"running":true,
        "ports":null,"status":"running","volumes":null}
        """;

    private const string Devcontainer = $$$"""
        {"id":"{{{Id}}}","name":"app","workspace_folder":"/app","status":"running","dirty":true,"container":{{{Container}}},
        "subagent_id":"{{{Id}}}","agent":{"id":"{{{Id}}}","name":"sub","directory":"/app"},"later":1}
        """;

    private readonly FakeDialer _dialer = new();
    private readonly ManualTimeProvider _time = new();
    private HttpAgent _agent = null!;
    private TailnetAgentConnection _connection = null!;

    public async ValueTask InitializeAsync()
    {
        _agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = _agent.Address;
        _connection = new TailnetAgentConnection(
            new AgentPorts(_dialer, Guid.NewGuid(), TimeSpan.FromSeconds(30)),
            new ControlPlaneOptions { DataDirectory = "" },
            _time);
    }

    public ValueTask DisposeAsync() => _agent.DisposeAsync();

    [Fact]
    public async Task ListeningPortsAreSortedAndValid()
    {
        _agent.Answer(
            "GET /api/v0/listening-ports",
            """
            {"ports":[{"process_name":"b","network":"tcp","port":443},null,{"port":80},{"port":80},{"port":0},{"port":70000},{"port":-1}]}
            """);
        Assert.Equal(
            [new ListeningPort("", "tcp", 80), new ListeningPort("b", "tcp", 443)],
            await _connection.ListListeningPortsAsync(CancellationToken.None));
    }

    [Fact]
    public async Task NoListeningPortsAreAnEmptyList()
    {
        _agent.Answer("GET /api/v0/listening-ports", """{"ports":null}""");
        Assert.Empty(await _connection.ListListeningPortsAsync(CancellationToken.None));
    }

    [Fact]
    public async Task ARequestHasAConnectionOfItsOwnAndNoTraceOfTheServer()
    {
        _agent.Answer("GET /api/v0/listening-ports", "{}");
        using var activity = new System.Diagnostics.Activity("request").Start();
        await _connection.ListListeningPortsAsync(CancellationToken.None);
        await _connection.ListListeningPortsAsync(CancellationToken.None);
        Assert.Equal(2, _dialer.Dials.Count);
        Assert.All(_dialer.Streams, static stream => Assert.True(stream.Disposed.IsCompleted));
        Assert.Equal(["Connection", "Host"], _agent.Headers.Keys.Order());
    }

    [Fact]
    public async Task TheListOfV20HasPortsOfItsOwnForm()
    {
        _agent.Answer(
            $"GET {Containers}",
            Container.Replace("\"ports\":null", """ "ports":[{"process_name":"p","network":"tcp","port":80}] """, StringComparison.Ordinal)
                is var one ? $$"""{"containers":[{{one}}]}""" : "");
        var list = await _connection.ListContainersAsync(CancellationToken.None);
        Assert.Equal(new ContainerPort(80, "tcp", ProcessName: "p"), Assert.Single(Assert.Single(list.Containers).Ports));
        Assert.Empty(list.Devcontainers);
        Assert.Null(list.Warnings);
    }

    [Fact]
    public async Task EmptyListsOfGoAreEmptyLists()
    {
        _agent.Answer($"GET {Containers}", """{"containers":null,"devcontainers":null}""");
        var list = await _connection.ListContainersAsync(CancellationToken.None);
        Assert.Empty(list.Containers);
        Assert.Empty(list.Devcontainers);
        Assert.Single(_agent.Requests);
    }

    [Fact]
    public async Task TheListOfV23HasItsDevcontainersApart()
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}],"warnings":["w"]}""")
            .Answer($"GET {Containers}/devcontainers", $$"""{"devcontainers":[{{Devcontainer}}]}""");
        var list = await _connection.ListContainersAsync(CancellationToken.None);
        Assert.Equal(Guid.Parse(Id), Assert.Single(list.Devcontainers).Id);
        Assert.Equal("w", Assert.Single(list.Warnings!));
    }

    [Fact]
    public async Task TheListOfNewAgentsIsComplete()
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}],"devcontainers":[{{Devcontainer}},null]}""");
        var list = await _connection.ListContainersAsync(CancellationToken.None);
        var container = Assert.Single(list.Containers);
        Assert.Equal(("0123", "web", "nginx", "running", true),
            (container.Id, container.Name, container.Image, container.Status, container.Running));
        Assert.Empty(container.Labels);
        Assert.Empty(container.Volumes);
        var devcontainer = Assert.Single(list.Devcontainers);
        Assert.Equal(("app", "/app", "running", true),
            (devcontainer.Name, devcontainer.WorkspaceFolder, devcontainer.Status, devcontainer.Dirty));
        Assert.Equal("web", devcontainer.Container!.Name);
        Assert.Equal(Guid.Parse(Id), devcontainer.SubagentId);
        Assert.Equal(new DevcontainerAgent(Guid.Parse(Id), "sub", "/app"), devcontainer.Agent);
    }

    [Fact]
    public async Task AnAgentBeforeV20SupportsNoContainers()
    {
        var refusal = await RefusedAsync(() => _connection.ListContainersAsync(CancellationToken.None));
        Assert.Equal((404, "The agent's version does not support this."), (refusal.Status, refusal.Message));
        refusal = await RefusedAsync(() => _connection.RecreateDevcontainerAsync(Id, false, CancellationToken.None));
        Assert.Equal((404, "The agent's version does not support this."), (refusal.Status, refusal.Message));
        refusal = await RefusedAsync(() => _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None));
        Assert.Equal((404, "The agent's version does not support this."), (refusal.Status, refusal.Message));
    }

    [Fact]
    public async Task ContainersThatAreOffAreARefusalOfTheAgent()
    {
        _agent.Answer($"GET {Containers}", """{"message":"Dev Container feature not enabled.","detail":"d"}""", 403);
        var refusal = await RefusedAsync(() => _connection.ListContainersAsync(CancellationToken.None));
        Assert.Equal((403, "Dev Container feature not enabled.", "d"), (refusal.Status, refusal.Message, refusal.Detail));
        foreach (var (key, isContainer) in ((string, bool)[])[(Id, false), ("web", true)])
        {
            refusal = await RefusedAsync(() => _connection.RecreateDevcontainerAsync(key, isContainer, CancellationToken.None));
            Assert.Equal((403, "Dev Container feature not enabled."), (refusal.Status, refusal.Message));
        }
    }

    [Fact]
    public async Task NewAgentsRecreateByTheDevcontainer()
    {
        _agent.Answer($"POST {Containers}/devcontainers/{Id}/recreate", """{"message":"m","detail":"d"}""", 202);
        Assert.Equal(new AgentNotice("m", "d"), await _connection.RecreateDevcontainerAsync(Id, false, CancellationToken.None));
        Assert.Single(_agent.Requests);
    }

    [Theory]
    [InlineData("0123")]
    [InlineData("web")]
    public async Task NewAgentsRecreateAContainerByItsDevcontainer(string key)
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}],"devcontainers":[{{Devcontainer}}]}""")
            .Answer($"POST {Containers}/devcontainers/{Id}/recreate", """{"message":"m"}""", 202);
        Assert.Equal("m", (await _connection.RecreateDevcontainerAsync(key, true, CancellationToken.None)).Message);
    }

    [Fact]
    public async Task NewAgentsDoNotRecreateAContainerWithoutADevcontainer()
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}],"devcontainers":null}""");
        var refusal = await RefusedAsync(() => _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None));
        Assert.Equal((404, "Container not found."), (refusal.Status, refusal.Message));
    }

    [Theory]
    [InlineData(Id, false)]
    [InlineData("0123", true)]
    public async Task AgentsOfV23RecreateByTheContainer(string key, bool isContainer)
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}]}""")
            .Answer($"GET {Containers}/devcontainers", $$"""{"devcontainers":[{{Devcontainer}}]}""")
            .Answer($"POST {Containers}/devcontainers/container/0123/recreate", """{"message":"m","detail":"d"}""", 202);
        Assert.Equal(new AgentNotice("m", "d"), await _connection.RecreateDevcontainerAsync(key, isContainer, CancellationToken.None));
    }

    [Fact]
    public async Task AnAgentOfV22AnswersWhenTheRecreationHasEnded()
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}]}""");
        _agent.Routes[$"POST {Containers}/web/recreate"] = static context =>
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        };
        Assert.Equal(Initiated, (await _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None)).Message);
    }

    [Fact]
    public async Task AnAgentOfV22ThatAnswersTooLateHasBegun()
    {
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}]}""");
        _agent.Routes[$"POST {Containers}/web/recreate"] = static context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        Assert.Equal(Initiated, (await _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None)).Message);
    }

    [Fact]
    public async Task AnAgentOfV22ThatClosesWithoutAnAnswerHasBegun()
    {
        using var old = new RawAgent(static async stream =>
        {
            var head = await RawAgent.ReadHeadAsync(stream);
            if (!head.StartsWith($"POST {Containers}/web/recreate", StringComparison.Ordinal))
            {
                var answer = head.StartsWith($"GET {Containers} ", StringComparison.Ordinal)
                    ? "HTTP/1.1 200 OK\r\n\r\n{\"containers\":[]}"
                    : "HTTP/1.1 404 Not Found\r\n\r\n404 page not found";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
            }
        });
        _dialer.Listeners[4] = old.Address;
        Assert.Equal(Initiated, (await _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None)).Message);
    }

    // The agent stops the recreation when its caller is gone.
    [Fact]
    public async Task AnAgentOfV22IsNotInterruptedWhenItsAnswerIsTooLate()
    {
        var isAsked = new TaskCompletionSource<CancellationToken>(TaskCreationOptions.RunContinuationsAsynchronously);
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _agent.Answer($"GET {Containers}", $$"""{"containers":[{{Container}}]}""");
        _agent.Routes[$"POST {Containers}/web/recreate"] = async context =>
        {
            isAsked.SetResult(context.RequestAborted);
            await end.Task;
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        };
        var recreating = _connection.RecreateDevcontainerAsync("web", true, CancellationToken.None);
        var aborted = await isAsked.Task.Soon();
        await Eventually.TrueAsync(() => _time.IsDueIn(TimeSpan.FromSeconds(20)), "the recreation is waited for");
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(Initiated, (await recreating.Soon()).Message);
        Assert.False(aborted.IsCancellationRequested);
        Assert.False(_dialer.Streams.Last().Disposed.IsCompleted);
        end.SetResult();
        await Eventually.TrueAsync(() => _dialer.Streams.Last().Disposed.IsCompleted, "the connection ends with the recreation");
    }

    [Theory]
    [InlineData("..", false)]
    [InlineData("a/b", true)]
    [InlineData("", true)]
    [InlineData("%2e", false)]
    [InlineData("-a", true)]
    public async Task WhatCanBeNoNameIsNotAsked(string key, bool isContainer)
    {
        var refusal = await RefusedAsync(() => _connection.RecreateDevcontainerAsync(key, isContainer, CancellationToken.None));
        Assert.Equal(404, refusal.Status);
        Assert.Empty(_dialer.Dials);
    }

    [Fact]
    public async Task NewAgentsAreWatchedByAWebSocket()
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _agent.Routes[$"GET {Containers}/watch"] = async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await SendAsync(socket, $$"""{"containers":[{{Container}}],"devcontainers":null}""");
            await SendAsync(socket, $$"""{"containers":[{{string.Join(',', Enumerable.Repeat(Container, 500))}}]}""");
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
            end.SetResult();
        };
        var counts = new List<int>();
        await foreach (var list in _connection.WatchContainersAsync(TestContext.Current.CancellationToken))
        {
            counts.Add(list.Containers.Count);
        }

        Assert.Equal([1, 500], counts);
        Assert.DoesNotContain("Sec-WebSocket-Extensions", _agent.Headers.Keys);
        Assert.True(Assert.Single(_dialer.Streams).Disposed.IsCompleted);
    }

    [Fact]
    public async Task AgentsWithoutAWatchAreAskedEvery10Seconds()
    {
        var json = """{"containers":[]}""";
        _agent.Routes[$"GET {Containers}"] = context => context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(json)).AsTask();
        await using var watch = _connection.WatchContainersAsync(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);
        Assert.True(await watch.MoveNextAsync().AsTask().Soon());
        Assert.Empty(watch.Current.Containers);
        var next = watch.MoveNextAsync().AsTask();
        await PollAsync();

        // The same list again is no change.
        await Eventually.TrueAsync(() => _time.IsDueIn(TimeSpan.FromSeconds(10)), "the next poll is due");
        Assert.False(next.IsCompleted);
        json = $$"""{"containers":[{{Container}}]}""";
        await PollAsync();
        Assert.True(await next.Soon());
        Assert.Single(watch.Current.Containers);
    }

    [Fact]
    public async Task AWatchThatTheAgentRefusesIsARefusal()
    {
        _agent.Answer($"GET {Containers}/watch", """{"message":"off"}""", 403);
        var refusal = await RefusedAsync(async () =>
        {
            await using var watch = _connection.WatchContainersAsync(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);
            return await watch.MoveNextAsync();
        });
        Assert.Equal((403, "off"), (refusal.Status, refusal.Message));
    }

    private static Task SendAsync(WebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);

    private static Task<AgentConnectionException> RefusedAsync<T>(Func<Task<T>> call) =>
        Assert.ThrowsAsync<AgentConnectionException>(() => call().Soon());

    private async Task PollAsync()
    {
        var before = _agent.Requests.Count;
        await Eventually.TrueAsync(() => _time.IsDueIn(TimeSpan.FromSeconds(10)), "the next poll is due");
        _time.Advance(TimeSpan.FromSeconds(10));
        await Eventually.TrueAsync(() => _agent.Requests.Count >= before + 2, "the list is asked for");
    }
}
