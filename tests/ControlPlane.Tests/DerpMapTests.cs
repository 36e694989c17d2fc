using System.Net.WebSockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Tests;

public sealed class DerpMapTests
{
    private const string Path = "/api/v2/derp-map";

    [Fact]
    public async Task UsersAndAgentsGetTheMapAtOnceAndThenOnlyWhatChanges()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, PublicUrl = new Uri("http://coder.example:8080") });
        using var agent = await TailnetLink.DialAsync(server, Path, server.Agent.AuthToken);
        using var user = await TailnetLink.DialAsync(server, Path, server.Credentials!.SessionToken);
        const string first =
            """{"Regions":{"999":{"EmbeddedRelay":true,"RegionID":999,"RegionCode":"embedded","RegionName":"Embedded Relay","Nodes":["""
                + """{"Name":"999b","RegionID":999,"HostName":"coder.example","STUNPort":-1,"DERPPort":8080,"ForceHTTP":true}]}}}""";
        Assert.Equal(first + "\n", await ReceiveAsync(agent));
        Assert.Equal(first + "\n", await ReceiveAsync(user));

        var maps = server.Services.GetRequiredService<DerpMapPublisher>();
        Assert.False(maps.Publish(maps.Current.Clone()));
        Assert.True(maps.Publish(new DERPMap()));
        Assert.Equal("{\"Regions\":{}}\n", await ReceiveAsync(agent));

        await server.StopAsync();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, (await agent.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task AClientThatSpeaksIsClosedWith1008AndStrangersAreRefused()
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(401, (await server.GetAsync(Path)).Status);
        Assert.Equal(401, (await server.GetAsync(Path, Guid.NewGuid().ToString())).Status);
        Assert.Equal(426, (await server.GetAsUserAsync(Path)).Status);
        using var socket = await TailnetLink.DialAsync(server, Path, server.Agent.AuthToken);
        Assert.Equal("{\"Regions\":{}}\n", await ReceiveAsync(socket));
        await socket.SendAsync(new byte[1], WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "unexpected data message"), await socket.ReceiveCloseAsync());
    }

    private static async Task<string> ReceiveAsync(WebSocket socket)
    {
        var buffer = new byte[8192];
        var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).WaitAsync(ApiServer.Patience);
        Assert.Equal((WebSocketMessageType.Binary, true), (result.MessageType, result.EndOfMessage));
        return Encoding.UTF8.GetString(buffer, 0, result.Count);
    }
}
