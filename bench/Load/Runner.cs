using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Load.Measuring;
using Load.Results;
using Load.Scenarios;
using Load.Servers;

namespace Load;

/// <summary>What to run; the points are the parameters of each step of a sweep, one without a sweep.</summary>
internal sealed record Plan(
    IReadOnlyList<Scenario> Scenarios, IReadOnlyList<string> Servers, int Rounds, double WarmUp, double Seconds,
    Func<Scenario, IEnumerable<Dictionary<string, int>>> Points)
{
    /// <summary>Counts system calls in one more run of each server.</summary>
    public SystemCallCounter? SystemCalls { get; init; }

    public IEnumerable<string> ServersOf(Scenario scenario) => Servers.Where(server => Catalog.Takes(server, scenario));
}

/// <summary>
/// Runs a plan. In each round all servers and all steps of a scenario take turns, so a slow drift of the machine affects them alike.
/// </summary>
internal sealed class Runner(ServerCatalog catalog, X509Certificate2 certificate, Progress progress)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<Sample> _samples = [];

    /// <summary>Measurements that failed, in words.</summary>
    public List<string> Failures { get; } = [];

    public async Task<List<Sample>> RunAsync(Plan plan)
    {
        progress.Total = plan.Scenarios.Sum(
            one => plan.Points(one).Count() * plan.ServersOf(one).Count() * (plan.Rounds + (Counts(plan, one) ? 1 : 0)));
        foreach (var scenario in plan.Scenarios)
        {
            await RunAsync(plan, scenario);
        }

        progress.Done();
        return _samples;
    }

    private static bool Counts(Plan plan, Scenario scenario) => plan.SystemCalls is not null && scenario.CountsUnits;

    private async Task RunAsync(Plan plan, Scenario scenario)
    {
        var running = new Dictionary<string, Server>();
        var absent = new HashSet<string>();
        try
        {
            for (var round = 1; round <= plan.Rounds + (Counts(plan, scenario) ? 1 : 0); round++)
            {
                var counter = round > plan.Rounds ? plan.SystemCalls : null;
                foreach (var parameters in plan.Points(scenario))
                {
                    foreach (var server in plan.ServersOf(scenario))
                    {
                        progress.Next($"{scenario.Name} {server} {(counter is null ? $"{round}/{plan.Rounds}" : "system calls")}");
                        if (!absent.Contains(server)
                            && await MeasureAsync(scenario, server, parameters, running, absent, plan, counter) is { } figures)
                        {
                            var at = Stopwatch.GetElapsedTime(_start).TotalSeconds;
                            _samples.Add(new Sample(
                                scenario.Name, parameters, server, counter is null ? round : 0, at,
                                counter is null ? figures : OnlyCalls(figures)));
                        }
                    }
                }
            }
        }
        finally
        {
            foreach (var server in running.Values)
            {
                server.Dispose();
            }
        }
    }

    // Counting slows a server down: nothing else of that run is worth keeping.
    private static Dictionary<string, double> OnlyCalls(Dictionary<string, double> figures) =>
        figures.Where(static one => one.Key == Figures.SystemCalls).ToDictionary(static one => one.Key, static one => one.Value);

    private async Task<Dictionary<string, double>?> MeasureAsync(
        Scenario scenario, string name, Dictionary<string, int> parameters, Dictionary<string, Server> running, HashSet<string> absent,
        Plan plan, SystemCallCounter? counter)
    {
        try
        {
            var isNew = !running.TryGetValue(name, out var server);
            server ??= running[name] = Start(scenario, name, absent);
            var round =
                new Round(server, certificate, plan.WarmUp, plan.Seconds) { IsBare = ServerCatalog.IsBare(name), SystemCalls = counter };
            if (isNew && !scenario.Fresh)
            {
                // Runtimes compile hot code anew while it first runs; that is paid here, once, and not counted.
                await scenario.MeasureAsync(round, parameters);
            }

            var before = ProcText.Processors(File.ReadAllText("/proc/stat"));
            var figures = await scenario.MeasureAsync(round, parameters);
            var after = ProcText.Processors(File.ReadAllText("/proc/stat"));
            figures[Figures.Stolen] = 100.0 * (after.Stolen - before.Stolen) / Math.Max(1, after.All - before.All);
            return figures;
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or SocketException)
        {
            Failures.Add($"{scenario.Name} {name}: {exception.Message}");
            return null;
        }
        finally
        {
            if (scenario.Fresh && running.Remove(name, out var used))
            {
                used.Dispose();
            }
        }
    }

    // What does not start once is not waited for again in every round.
    private Server Start(Scenario scenario, string name, HashSet<string> absent)
    {
        try
        {
            return catalog.Start(name, scenario.Role);
        }
        catch (InvalidOperationException)
        {
            absent.Add(name);
            throw;
        }
    }
}
