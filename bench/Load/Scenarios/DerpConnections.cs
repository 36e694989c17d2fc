using System.Diagnostics;
using Load.Clients;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Memory of connections that carry nothing.</summary>
internal sealed class DerpIdle() : ThreadedScenario(
    "derp-idle", "memory of idle connections, in a fresh process", ServerRole.Derp, "KiB_per_connection", ("connections", 1000))
{
    public override bool Fresh => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        // A first few make the server compile and load what it needs once.
        for (var i = 0; i < 50; i++)
        {
            DerpClient.Connect(round.Server.Address).Dispose();
        }

        return Idle.Measure(round, parameters["connections"], () => DerpClient.Connect(round.Server.Address));
    }
}

/// <summary>Connections that come and go.</summary>
internal sealed class DerpConnect()
    : ThreadedScenario(
        "derp-connect", "connections made, greeted and closed", ServerRole.Derp, "cpu_ms_per_connect", ("threads", 4),
        ("connections", 2000))
{
    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var (left, made) = (parameters["connections"], 0);
        var before = round.Server.Cost();
        var start = Stopwatch.GetTimestamp();
        var threads = Enumerable.Range(0, parameters["threads"]).Select(_ => Wires.Run(() =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                DerpClient.Connect(round.Server.Address).Dispose();
                Interlocked.Increment(ref made);
            }
        })).ToList();
        threads.ForEach(static thread => thread.Join());
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return made == parameters["connections"]
            ? new Dictionary<string, double>
            {
                ["cpu_ms_per_connect"] = (round.Server.Cost().Processor - before.Processor) * 1000 / made,
                ["connects_per_s"] = made / seconds,
            }
            : throw new InvalidOperationException($"only {made} of {parameters["connections"]} connections were made");
    }
}
