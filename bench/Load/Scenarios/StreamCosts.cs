using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Streams with messages that come back; closed loop, because the cost of a message is the subject.</summary>
internal sealed class StreamEcho(string name, string summary, ServerRole role, string path = StreamPaths.Echo)
    : ThreadedScenario(name, summary, role, "cpu_s_per_million", ("streams", 20), ("size", 512), ("window", 8))
{
    public override bool CountsUnits => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var done = 0L;
        var streams = new List<StreamClient>();
        var certificate = Role is ServerRole.StreamsTls ? round.Certificate : null;
        try
        {
            for (var i = 0; i < parameters["streams"]; i++)
            {
                var stream = new StreamClient(round.Server.Address, path, parameters["size"], parameters["window"], certificate);
                stream.FillWithTyping();
                streams.Add(stream);
            }

            streams.ForEach(stream => Wires.Run(() =>
            {
                for (stream.Send(parameters["window"]); ;)
                {
                    var n = stream.ReceiveMessages();
                    Interlocked.Add(ref done, n);
                    stream.Send(n);
                }
            }));

            return Costs(Window.Watch(round, () => Interlocked.Read(ref done)), "messages");
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}

/// <summary>Bulk transfers: streams on which the backend sends as fast as it can.</summary>
internal sealed class StreamBulkTransfer(string name, string summary, ServerRole role, string path = StreamPaths.BulkTransfer)
    : ThreadedScenario(name, summary, role, "cpu_s_per_GiB", ("streams", 4))
{
    public override bool CountsUnits => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var bytes = 0L;
        var streams = new List<StreamClient>();
        var certificate = Role is ServerRole.StreamsTls ? round.Certificate : null;
        try
        {
            for (var i = 0; i < parameters["streams"]; i++)
            {
                var stream = new StreamClient(round.Server.Address, path, 1, 1, certificate);
                streams.Add(stream);
                Wires.Run(() =>
                {
                    while (true)
                    {
                        Interlocked.Add(ref bytes, stream.ReceiveBytes());
                    }
                });
            }

            var window = Window.Watch(round, () => Interlocked.Read(ref bytes));
            var gibibytes = window.Units / (1 << 30);
            var figures = new Dictionary<string, double>
            {
                ["cpu_s_per_GiB"] = window.Processor / gibibytes,
                ["GiB_per_s"] = gibibytes / window.Seconds,
            };
            window.Report(figures, per: 1 << 30);
            return figures;
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}
