using ControlPlane;
using Edge.Administration;
using Edge.Hosting;
using Edge.Http;
using Edge.Listeners;
using Edge.Settings;
using Edge.Telemetry;

namespace Edge.Program;

/// <summary>The program. Runs a command, or a node until a signal, and reports errors in one line.</summary>
internal static class EdgeProgram
{
    private const int Failed = 1;

    /// <summary>Returns the exit code: 0 after an orderly stop, 1 when the node could not start or a part of it has failed.</summary>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors) =>
        RunAsync(args, AdminInput.Standard, output, errors);

    /// <summary>Runs the program with another input.</summary>
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
            // An unexpected error. The operator may want to report it, and a crash of the runtime would print more lines that say less.
            await errors.WriteLineAsync($"edge: {UnexpectedError.Describe(error)}");
            if (UnexpectedError.IsTraced)
            {
                await errors.WriteLineAsync(error.ToString());
            }

            return Failed;
        }
    }

    /// <summary>Runs a node until a signal comes.</summary>
    /// <param name="settings">The settings of the command line.</param>
    /// <param name="output">Gets the banner.</param>
    public static async Task<int> RunNodeAsync(string[] settings, TextWriter output)
    {
        // Reading the settings opens more files than a very low limit allows.
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

    /// <summary>Returns null when a signal came during the start.</summary>
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
