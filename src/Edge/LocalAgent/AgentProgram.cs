using Edge.Hosting;
using Edge.Settings;
using Edge.Telemetry;

namespace Edge.LocalAgent;

/// <summary>The <c>agent</c> command: serves this machine to the API servers of a data directory until told to stop, or nobody needs it.</summary>
internal static class AgentProgram
{
    private const int Failed = 1;

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    /// <summary><c>agent</c>: runs until it is told to stop. Returns the exit code.</summary>
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
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hosts = new HostFactory(configuration, TimeProvider.System, logging => logging.AddEdgeLogging(configuration));
        await using var app = AgentHost.Create(hosts, data, agent.Terminals, () => told.TrySetResult());
        var watch = new HostWatch();
        await watch.StartAsync(app, "agent", signals.Requested);
        await output.WriteLineAsync($"Edge agent {EdgeVersion.Text}: shells, ports and containers of user {Environment.UserName} for the API servers of {data.Path}");
        await output.WriteLineAsync("  stop     SIGTERM, Ctrl-C or \"Edge agent stop\"; its shells end with it");
        await Task.WhenAny(told.Task, signals.WaitAsync(), UnneededAsync(app, data, agent.IdleTimeout), watch.Failed);
        watch.StopIsAsked();

        // Its clients first, so that they hear of the end, then its shells.
        using var patience = new CancellationTokenSource(StopPatience);
        await watch.StopAsync(app, patience.Token);
        return watch.Failed.IsCompleted ? Failed : 0;
    }

    /// <summary><c>agent stop</c>: ends the one that runs, and its shells. Returns the exit code.</summary>
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

    private static async Task UnneededAsync(WebApplication app, DataDirectory data, TimeSpan idleTimeout)
    {
        var activity = app.Services.GetRequiredService<AgentActivity>();
        using var timer = new PeriodicTimer(CheckInterval, app.Services.GetRequiredService<TimeProvider>());
        do
        {
            await timer.WaitForNextTickAsync();
        }

        // Without its socket, or with the directory gone, nobody can reach it any more.
        while (File.Exists(data.AgentSocket) && (idleTimeout == TimeSpan.Zero || activity.Idle < idleTimeout));
    }

    private static DataDirectory DataOf(SettingsReader settings) =>
        DataDirectory.Open(EdgeOptions.DataDirectoryOf(settings, Environment.CurrentDirectory));
}
