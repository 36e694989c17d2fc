using ControlPlane;
using Edge.Administration;
using Edge.Http;
using Edge.LocalAgent;
using Edge.Settings;
using Edge.Telemetry;

namespace Edge.Hosting;

/// <summary>The program: reads the configuration, runs a node until a signal comes, and says in one line what went wrong.</summary>
internal static class EdgeProgram
{
    private const int Failed = 1;

    /// <summary>Returns the process's exit code: 0 after an orderly stop, 1 when the node could not start, or a part of it has failed.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        DirectLoopback.Apply();
        try
        {
            if (args is ["--help" or "-h" or "help"])
            {
                await output.WriteAsync(Banner.Help);
                return 0;
            }

            if (args is ["healthcheck", ..])
            {
                return await HealthCheck.RunAsync(EdgeConfiguration.Load(args[1..]), errors);
            }

            if (args is ["admin", ..])
            {
                return await AdminProgram.RunAsync(args[1..], Console.In, !Console.IsInputRedirected, output, errors);
            }

            if (args is ["agent", ..])
            {
                return await AgentProgram.RunAsync(args[1..], output, errors);
            }

            // First of all: what comes next opens more files than a low limit allows.
            DescriptorLimit.Check(DescriptorLimit.Read());
            using var configuration = EdgeConfiguration.Load(args);
            return await RunNodeAsync(configuration, output);
        }
        catch (Exception error) when (error is SettingsException or ControlPlaneException)
        {
            await errors.WriteLineAsync($"edge: {error.Message}");
            return Failed;
        }
        catch (Exception error)
        {
            // Nobody foresaw it, so that the operator may want to report it; a crash of the runtime would say less, in more lines.
            await errors.WriteLineAsync($"edge: {UnforeseenError.Describe(error)}");
            if (UnforeseenError.IsTraced)
            {
                await errors.WriteLineAsync(error.ToString());
            }

            return Failed;
        }
    }

    private static async Task<int> RunNodeAsync(ConfigurationManager configuration, TextWriter output)
    {
        using var signals = new StopSignals();
        var hosts = new HostFactory(configuration, TimeProvider.System, logging => logging.AddEdgeLogging(configuration));
        await using var node = await StartAsync(hosts, signals.Requested);
        if (node is null)
        {
            return 0;
        }

        await output.WriteAsync(Banner.For(node));
        await Task.WhenAny(signals.WaitAsync(), node.Failed);
        await node.StopAsync();
        return node.Failed.IsCompleted ? Failed : 0;
    }

    /// <summary>Null when a signal came before the node stood.</summary>
    private static async Task<EdgeNode?> StartAsync(HostFactory hosts, CancellationToken stopRequested)
    {
        try
        {
            return await EdgeNode.StartAsync(hosts, Environment.CurrentDirectory, stopRequested);
        }
        catch (OperationCanceledException) when (stopRequested.IsCancellationRequested)
        {
            return null;
        }
    }
}
