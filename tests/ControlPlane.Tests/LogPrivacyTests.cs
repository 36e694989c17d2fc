using System.Collections.Concurrent;
using ControlPlane.Agents;
using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Tests;

public sealed class LogPrivacyTests
{
    [Fact]
    public async Task NoTokenIsLoggedAtAnyLevel()
    {
        using var log = new Recorder();
        await using var server = await ApiServer.StartAsync(log: log);
        var session = server.Credentials!.SessionToken;
        await server.GetAsync("/api/v2/users/me?coder_session_token=" + session);
        await server.GetAsync("/api/v2/users/me?access_token=" + session + "x");
        await server.GetAsync("/api/v2/users/me", session);
        await server.PatchLogsAsync("payload-of-a-log");
        await server.SendAsAgentAsync(HttpMethod.Patch, "/api/v2/workspaceagents/me/logs", "{\"logs\": [{\"level\": \"payload-of-a-log\"");
        using (await server.FollowAsync("?follow&coder_session_token=" + session))
        {
        }

        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(log.Lines, line => line.Contains(session, StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, line => line.Contains(server.Agent.AuthToken, StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, static line => line.Contains("payload-of-a-log", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NoTokenOfAnotherServiceAndNoProofOfIdentityIsLoggedAtAnyLevel()
    {
        using var log = new Recorder();
        using var directory = new TemporaryDirectory();
        await File.WriteAllTextAsync(directory.File("token"), "secret of a file", TestContext.Current.CancellationToken);
        using var aws = Clouds.SelfSigned("CN=aws");
        await using var server = await ApiServer.StartAsync(
            data => new ControlPlaneOptions
            {
                DataDirectory = data,
                ExternalAuth =
                [
                    new ExternalAuthProvider { Id = "own", Type = "github", LinkUrl = new Uri("https://a.example") },
                    new ExternalAuthProvider { Id = "all", Type = "github", TokenFile = directory.File("token") },
                ],
                InstanceIdentity = new InstanceIdentityOptions { AwsCertificates = [aws] },
            },
            new ManualTimeProvider(Clouds.Now),
            log: log);
        var owner = (await server.Services.GetRequiredService<AgentStore>().FindAsync(server.Agent.Id))!.OwnerId;
        await server.Store().SetAsync(owner, "own", new ExternalAuthToken("secret-of-a-user"), default);
        Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/external-auth?id=own")).Status);
        Assert.Equal(503, (await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/external-auth?id=all")).Status);
        await server.SendAsAgentAsync(
            HttpMethod.Get, "/api/v2/workspaceagents/me/external-auth?match=https%3A%2F%2Fme%3Asecret-in-a-url%40b.example");

        await server.Bindings().BindAsync(server.Agent.Id, Cloud.Aws, Clouds.AwsInstance, default);
        var signature = Clouds.AwsSignature(aws);
        var answer = await server.SendAsync(
            HttpMethod.Post, "/api/v2/workspaceagents/aws-instance-identity", null, new { document = Clouds.AwsDocument, signature });
        Assert.Equal(200, answer.Status);

        Assert.NotEmpty(log.Lines);
        string[] secrets = ["secret-of-a-user", "secret of a file", "secret-in-a-url", signature[..40], answer.Text("session_token")!];
        foreach (var secret in secrets)
        {
            Assert.DoesNotContain(log.Lines, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }

    private sealed class Recorder : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }
    }
}
