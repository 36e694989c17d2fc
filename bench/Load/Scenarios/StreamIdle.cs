using Load.Clients;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Memory of streams that carry nothing.</summary>
internal sealed class StreamIdle() : ThreadedScenario(
    "stream-idle", "memory of idle streams, in a fresh process", ServerRole.Streams, "KiB_per_connection", ("streams", 1000))
{
    public override bool Fresh => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        for (var i = 0; i < 50; i++)
        {
            new StreamClient(round.Server.Address, "/echo", 1, 1).Dispose();
        }

        return Idle.Measure(round, parameters["streams"], () => new StreamClient(round.Server.Address, "/echo", 1, 1));
    }
}
