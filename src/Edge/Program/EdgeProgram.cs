using ControlPlane;
using Edge.Administration;
using Edge.Hosting;
using Edge.Http;
using Edge.Listeners;
using Edge.Settings;
using Edge.Telemetry;

namespace Edge.Program;

/// <summary>The program: runs the command that it is given, a node until a signal comes, and says in one line what went wrong.</summary>
internal static class EdgeProgram
{
    private const int Failed = 1;

    /// <summary>Returns the process's exit code: 0 after an orderly stop, 1 when the node could not start, or a part of it has failed.</summary>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors) =>
        RunAsync(args, AdminInput.Standard, output, errors);

    /// <summary>The same with another input.</summary>
    public static async Task<int> RunAsync(string[] args, AdminInput input, TextWriter output, TextWriter errors)
    {
        DirectLoopback.Apply();
        try
        {
            return await new EdgeCommandLine(args, input).RunAsync(output, errors);
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

    /// <summary>Runs a node until a signal comes.</summary>
    /// <param name="settings">Those of the command line.</param>
    /// <param name="output">The banner.</param>
    public static async Task<int> RunNodeAsync(string[] settings, TextWriter output)
    {
        // First of all: what comes next opens more files than a low limit allows.
        DescriptorLimit.Check(DescriptorLimit.Read());
        using var configuration = EdgeConfiguration.Load(settings);
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
