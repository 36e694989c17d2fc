using System.Net.Sockets;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>How long a request takes, sent on a schedule on connections that take turns.</summary>
internal sealed class RestLatency()
    : ThreadedScenario(
        "rest-latency", "requests on a schedule, on kept connections", ServerRole.Streams, "p99_us", ("connections", 20), ("rate", 1000))
{
    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var latencies = new Latencies();
        var sockets = new List<Socket>();
        var (connections, rate) = (parameters["connections"], (double)parameters["rate"]);
        try
        {
            for (var i = 0; i < connections; i++)
            {
                var (socket, _) = Wires.Connect(round.Server.Address, null);
                sockets.Add(socket);
                var offset = i / rate;
                Wires.Run(() =>
                {
                    var schedule = new OpenLoop(rate / connections, offset);
                    for (var buffer = new byte[16 * 1024]; ;)
                    {
                        var due = schedule.Next();
                        Rest.Exchange(socket, buffer);
                        latencies.AddSince(due);
                    }
                });
            }

            return latencies.Over(round);
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }
}
