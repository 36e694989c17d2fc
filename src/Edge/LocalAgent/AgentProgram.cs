using ControlPlane.Connections;
using Edge.Hosting;
using Edge.Listeners;
using Edge.Settings;
using Edge.Telemetry;
using LocalAgent;

namespace Edge.LocalAgent;

/// <summary>
/// The <c>agent</c> command: runs the local agent of a data directory, for its API servers, until it is stopped or no longer needed.
/// </summary>
internal static class AgentProgram
{
    private const int Failed = 1;

    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    /// <summary><c>agent</c>. Returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] settings, TextWriter output, TextWriter errors)
    {
        using var configuration = EdgeConfiguration.Load(settings);
        var reader = new SettingsReader(configuration);
        var agent = LocalAgentSettings.Read(reader);
        var data = DataOf(reader);
        using var claim = data.TryClaimAgentSocket();
        if (claim is null)
        {
            await errors.WriteLineAsync($"edge: an agent runs already for {data.Path}");
            return Failed;
        }

        using var signals = new StopSignals();
        var stopRequested = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = new HostFactory(configuration, TimeProvider.System, logging => logging.AddEdgeLogging(configuration)).CreateBuilder();

        // The edge's own transport can move a terminal's connection to the thread that receives its bytes.
        builder.Services.AddSocketListeners(DescriptorReserve.Own);
        await using var app = AgentHost.Create(
            builder, data.AgentSocket, agent.Terminals, StreamThread.Begin, () => stopRequested.TrySetResult());
        var watch = new HostWatch();
        await watch.StartAsync(app, "agent", signals.Requested);
        await output.WriteLineAsync(
            $"Edge agent {EdgeVersion.Text}: shells, ports and containers of user {Environment.UserName} "
            + $"for the API servers of {data.Path}");
        await output.WriteLineAsync("  stop     SIGTERM, Ctrl-C or \"Edge agent stop\"; its shells end with it");
        var unneeded = AgentHost.WaitUntilUnneededAsync(app, data.AgentSocket, agent.IdleTimeout);
        await Task.WhenAny(stopRequested.Task, signals.WaitAsync(), unneeded, watch.Failed);
        watch.StopIsAsked();

        // The connections of clients end before the shells do, which the disposal of the host ends.
        using var deadline = new CancellationTokenSource(StopTimeout);
        await watch.StopAsync(app, deadline.Token);
        return watch.Failed.IsCompleted ? Failed : 0;
    }

    /// <summary><c>agent stop</c>: ends the running agent and its shells. Returns the exit code.</summary>
    public static async Task<int> StopAsync(string[] settings, TextWriter output)
    {
        using var configuration = EdgeConfiguration.Load(settings);
        var data = DataOf(new SettingsReader(configuration));
        using var client = AgentSocketClient.Create(data.AgentSocket);
        try
        {
            using var answer = await client.PostAsync(new Uri(AgentSocketClient.Base, LocalAgentRoutes.Stop), content: null);
            await output.WriteLineAsync("The agent stops.");
        }
        catch (HttpRequestException)
        {
            await output.WriteLineAsync($"No agent runs for {data.Path}.");
        }

        return 0;
    }

    private static DataDirectory DataOf(SettingsReader settings) =>
        DataDirectory.Open(EdgeOptions.DataDirectoryOf(settings, Environment.CurrentDirectory));

    /// <summary>Keeps the connection of a terminal on the thread that receives its bytes, until disposed.</summary>
    private sealed class StreamThread : IDisposable
    {
        private readonly IStreamThreadFeature _feature;

        private StreamThread(IStreamThreadFeature feature)
        {
            _feature = feature;
            feature.Begin();
        }

        public static StreamThread? Begin(HttpContext context) =>
            context.Features.Get<IStreamThreadFeature>() is { } feature ? new StreamThread(feature) : null;

        public void Dispose() => _feature.End();
    }
}
