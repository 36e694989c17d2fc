using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EndToEnd;

/// <summary>A background service that throws stops its host. The log, <c>/readyz</c> and the exit code show it.</summary>
public class HostFailureTests
{
    private const string Message = "the service of the test has failed";

    // The hosts of a node are made in this order, and each asks for the test's services once.
    [Theory]
    [InlineData(0, "admin")]
    [InlineData(1, "API")]
    [InlineData(2, "public")]
    public async Task ABackgroundServiceThatThrowsMakesTheNodeNotReadyAndIsLoggedWithItsStack(int host, string name)
    {
        var fail = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var made = 0;
        await using var edge = await TestNode.StartAsync(
            TimeProvider.System,
            waitUntilReady: true,
            services =>
            {
                if (made++ == host)
                {
                    services.AddSingleton<IHostedService>(new FailingService(fail.Task));
                }
            },
            "Edge:Mode=all");

        fail.SetResult();
        await edge.Node.Failed.WaitAsync(TestNode.Patience);

        using var ready = await edge.Admin.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Equal($"the {name} host has failed\n", await ready.Content.ReadAsStringAsync());
        var line = Assert.Single(edge.Log.Lines, static line => line.StartsWith("Critical", StringComparison.Ordinal));
        Assert.Contains($"The {name} host has failed", line, StringComparison.Ordinal);
        Assert.Contains(Message, line, StringComparison.Ordinal);
        Assert.Contains(nameof(FailingService), line, StringComparison.Ordinal);

        await edge.Node.StopAsync().WaitAsync(TestNode.Patience);
        Assert.Equal($"the {name} host has failed", await edge.Node.NotReadyReasonAsync());
    }

    [Fact]
    public async Task AStopThatWasAskedForIsNoFailure()
    {
        var edge = await TestNode.StartAsync("Edge:Mode=all");
        await edge.Node.StopAsync().WaitAsync(TestNode.Patience);

        Assert.False(edge.Node.Failed.IsCompleted);
        Assert.DoesNotContain(edge.Log.Lines, static line => line.StartsWith("Critical", StringComparison.Ordinal));
        await edge.DisposeAsync();
    }

    // This assembly is the startup hook of the process, and adds the service to its hosts.
    [Fact]
    public async Task AProcessWhoseHostFailsDrainsAndExitsWithOne()
    {
        using var directory = new TemporaryDirectory();
        var trigger = Path.Combine(directory.Path, "fail");
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_STARTUP_HOOKS"] = typeof(HostFailureTests).Assembly.Location,
            [StartupHook.TriggerVariable] = trigger,
        };
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, environment, "--urls=http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=all");

        await File.WriteAllTextAsync(trigger, "");

        Assert.Equal(1, await edge.ExitAsync());
        Assert.Contains("host has failed; the node drains and ends with exit code 1", edge.Output, StringComparison.Ordinal);
        Assert.Contains(FailingService.Text, edge.Output, StringComparison.Ordinal);
    }

    internal sealed class FailingService(Task fail) : BackgroundService
    {
        public const string Text = Message;

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await fail.WaitAsync(stoppingToken);
            throw new InvalidOperationException(Message);
        }
    }
}
