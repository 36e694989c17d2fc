using System.Buffers.Binary;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>How long a message takes there and back, sent on a schedule that waits for no answer.</summary>
internal sealed class StreamLatency()
    : ThreadedScenario(
        "stream-latency", "round trips of messages, open loop", ServerRole.Streams, "p99_us", ("streams", 20), ("size", 64), ("rate", 1000))
{
    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var latencies = new Latencies();
        var streams = new List<StreamClient>();
        var size = parameters["size"];
        try
        {
            for (var i = 0; i < parameters["streams"]; i++)
            {
                var stream = new StreamClient(round.Server.Address, "/echo", size, 1);
                streams.Add(stream);
                Wires.Run(() =>
                {
                    while (true)
                    {
                        latencies.AddSince(BinaryPrimitives.ReadInt64LittleEndian(stream.ReceiveOne(size)));
                    }
                });
            }

            Wires.Run(() =>
            {
                var schedule = new OpenLoop(parameters["rate"]);
                for (var i = 0; ; i = (i + 1) % streams.Count)
                {
                    BinaryPrimitives.WriteInt64LittleEndian(streams[i].Messages[streams[i].MessageOffset..], schedule.Next());
                    streams[i].Send(1);
                }
            });
            return latencies.Over(round);
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}
