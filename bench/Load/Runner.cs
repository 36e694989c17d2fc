using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Load.Results;
using Load.Scenarios;
using Load.Servers;

namespace Load;

/// <summary>What to run; the points are the parameters of each step of a sweep, one without a sweep.</summary>
internal sealed record Plan(
    IReadOnlyList<Scenario> Scenarios, IReadOnlyList<string> Servers, int Rounds, double WarmUp, double Seconds, Func<Scenario, IEnumerable<Dictionary<string, int>>> Points);

/// <summary>Runs a plan: all servers of a scenario take turns, round after round, so that the machine's drift meets them alike.</summary>
internal sealed class Runner(ServerCatalog catalog, X509Certificate2 certificate, Progress progress)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Measurements that failed, in words.</summary>
    public List<string> Failures { get; } = [];

    public List<Sample> Run(Plan plan)
    {
        var samples = new List<Sample>();
        progress.Total = plan.Scenarios.Sum(one => plan.Points(one).Count() * plan.Rounds * plan.Servers.Count(server => Catalog.Takes(server, one)));
        foreach (var scenario in plan.Scenarios)
        {
            var running = new Dictionary<string, Server>();
            try
            {
                foreach (var parameters in plan.Points(scenario))
                {
                    for (var round = 1; round <= plan.Rounds; round++)
                    {
                        foreach (var server in plan.Servers.Where(server => Catalog.Takes(server, scenario)))
                        {
                            progress.Next($"{scenario.Name} {server} {round}/{plan.Rounds}");
                            if (Measure(scenario, server, parameters, running, plan) is { } figures)
                            {
                                samples.Add(new Sample(scenario.Name, parameters, server, round, Stopwatch.GetElapsedTime(_start).TotalSeconds, figures));
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

        progress.Done();
        return samples;
    }

    private Dictionary<string, double>? Measure(
        Scenario scenario, string name, Dictionary<string, int> parameters, Dictionary<string, Server> running, Plan plan)
    {
        try
        {
            var shown = ServerCatalog.IsTls(name, scenario.Role) ? certificate : null;
            if (!running.TryGetValue(name, out var server))
            {
                running[name] = server = catalog.Start(name, scenario.Role);
                if (!scenario.Fresh)
                {
                    // Runtimes compile hot code anew while it first runs; that is paid here, once, and not counted.
                    scenario.Measure(new Round(server, shown, plan.WarmUp, plan.Seconds), parameters);
                }
            }

            return scenario.Measure(new Round(server, shown, plan.WarmUp, plan.Seconds), parameters);
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
}
