using System.Buffers.Binary;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Streams with messages that come back; closed loop, because the cost of a message is the subject.</summary>
internal sealed class StreamEcho()
    : Scenario("stream-echo", "WebSocket messages there and back", ServerRole.Streams, "cpu_s_per_million", ("streams", 20), ("size", 512), ("window", 8))
{
    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var done = 0L;
        var streams = new List<StreamClient>();
        try
        {
            for (var i = 0; i < parameters["streams"]; i++)
            {
                var stream = new StreamClient(round.Server.Address, "/echo", parameters["size"], parameters["window"]);
                streams.Add(stream);
                Wires.Run(() =>
                {
                    for (stream.Send(parameters["window"]); ;)
                    {
                        var n = stream.ReceiveMessages();
                        Interlocked.Add(ref done, n);
                        stream.Send(n);
                    }
                });
            }

            return Costs(Window.Watch(round.Server.Id, round.WarmUp, round.Seconds, () => Interlocked.Read(ref done)), "messages");
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}

/// <summary>Streams on which the backend sends as fast as it can.</summary>
internal sealed class StreamPour()
    : Scenario("stream-pour", "the backend sends 16 KiB messages without end", ServerRole.Streams, "cpu_s_per_GiB", ("streams", 4))
{
    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var bytes = 0L;
        var streams = new List<StreamClient>();
        try
        {
            for (var i = 0; i < parameters["streams"]; i++)
            {
                var stream = new StreamClient(round.Server.Address, "/pour", 1, 1);
                streams.Add(stream);
                Wires.Run(() =>
                {
                    while (true)
                    {
                        Interlocked.Add(ref bytes, stream.ReceiveBytes());
                    }
                });
            }

            var (seconds, units, processor, _) = Window.Watch(round.Server.Id, round.WarmUp, round.Seconds, () => Interlocked.Read(ref bytes));
            var gibibytes = units / (1 << 30);
            return new Dictionary<string, double> { ["cpu_s_per_GiB"] = processor / gibibytes, ["GiB_per_s"] = gibibytes / seconds };
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}

/// <summary>How long a message takes there and back, sent on a schedule that waits for no answer.</summary>
internal sealed class StreamLatency()
    : Scenario("stream-latency", "round trips of messages, open loop", ServerRole.Streams, "p99_us", ("streams", 20), ("size", 64), ("rate", 1000))
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
            Thread.Sleep(TimeSpan.FromSeconds(round.WarmUp));
            latencies.Begin();
            Thread.Sleep(TimeSpan.FromSeconds(round.Seconds));
            var figures = new Dictionary<string, double>();
            latencies.Report(figures);
            return figures;
        }
        finally
        {
            streams.ForEach(static stream => stream.Dispose());
        }
    }
}

/// <summary>Memory of streams that carry nothing.</summary>
internal sealed class StreamIdle() : Scenario("stream-idle", "memory of idle streams, in a fresh process", ServerRole.Streams, "KiB_per_connection", ("streams", 1000))
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
