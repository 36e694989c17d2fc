using System.Collections.Concurrent;
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

    private sealed class Recorder : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }
    }
}
