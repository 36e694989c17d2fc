using System.Net;
using System.Net.Sockets;
using System.Text;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>Clients that request large answers and do not read them.</summary>
public sealed class StalledReaderTests
{
    [Fact]
    public async Task AUserHasOnlySomeAnswersWithLogsAtOnce()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogAnswersPerUser = 2 });
        await FillLogAsync(server);
        using var first = await StallAsync(server);
        using var second = await StallAsync(server);
        var limiter = server.Services.GetRequiredService<UserConcurrencyLimiter>();

        foreach (var path in (string[])["/logs", "/logs?format=text", "/startup-logs"])
        {
            var refused = await server.GetAsUserAsync(server.AgentPath + path);
            Assert.Equal((429, "1"), (refused.Status, refused.Headers["Retry-After"]));
            Assert.Equal("Too many logs are being read at once.", refused.Message);
        }

        // The limit does not affect other users, other requests of this user, or followers.
        limiter.TryAcquire(Guid.NewGuid())!.Dispose();
        Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath)).Status);
        (await server.FollowAsync()).Dispose();

        first.Close(timeout: 0);
        await Eventually.TrueAsync(
            async () => (await server.GetAsUserAsync(server.AgentPath + "/logs?after=100000")).Status == 200, "a place is free again");
    }

    [Fact]
    public async Task APlaceIsGivenBackHoweverTheAnswerEnds()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogAnswersPerUser = 1 });
        await server.PatchLogsAsync("a");
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath + "/logs")).Status);
            Assert.Equal(400, (await server.GetAsUserAsync(server.AgentPath + "/logs?after=x")).Status);
            Assert.Equal(
                200,
                (await server.SendAsync(HttpMethod.Get, server.AgentPath + "/logs?format=text", server.Credentials!.SessionToken)).Status);
        }
    }

    [Fact]
    public async Task ALargeBodyIsWrittenInPieces()
    {
        var largest = 0;
        var context = new DefaultHttpContext { Response = { Body = new Pieces(size => largest = Math.Max(largest, size)) } };

        await context.WriteBodyAsync(200, new byte[1_000_000]);

        Assert.Equal(16 * 1024, largest);
        Assert.Equal(1_000_000, context.Response.Body.Length);
    }

    private static async Task FillLogAsync(ApiServer server)
    {
        var line = new string('x', 1000);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(200, (await server.PatchLogsAsync([.. Enumerable.Repeat(line, 100)])).Status);
        }
    }

    /// <summary>Asks until the answers fill what the two kernels take, and reads no more than the first byte.</summary>
    private static async Task<Socket> StallAsync(ApiServer server)
    {
        var url = server.Client.BaseAddress!;
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, url.Port), TestContext.Current.CancellationToken);
        var request = $"GET {server.AgentPath}/logs HTTP/1.1\r\nHost: {url.Authority}\r\n"
            + $"Coder-Session-Token: {server.Credentials!.SessionToken}\r\n\r\n";
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(request, 20))), TestContext.Current.CancellationToken);
        await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken);
        return socket;
    }

    private sealed class Pieces(Action<int> written) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            written(buffer.Length);
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
