using System.Buffers.Binary;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>
/// Round trips of small packets through the relay, which relays each packet twice: there and back. The schedule is
/// open-loop, with or without other traffic.
/// </summary>
internal sealed class DerpLatency()
    : ThreadedScenario(
        "derp-latency", "round trips of 64 bytes, open loop, beside background packets", ServerRole.Derp, "p99_us", ("size", 64),
        ("rate", 500), ("background", 20_000), ("pairs", 10))
{
    /// <summary>Idle, and under load.</summary>
    public override (string Name, int[] Values)? Steps => ("background", [0, 20_000]);

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var latencies = new Latencies();
        var clients = new List<DerpClient>();
        DerpClient Connect()
        {
            clients.Add(DerpClient.Connect(round.Server.Address));
            return clients[^1];
        }

        try
        {
            Background(Connect, parameters["pairs"], parameters["background"]);
            var (asks, answers) = (Connect(), Connect());
            var size = parameters["size"];
            var there = DerpClient.Packets(answers.Key, size, 1);
            var back = DerpClient.Packets(asks.Key, size, 1);
            Wires.Run(() =>
            {
                while (true)
                {
                    answers.Receive(payload =>
                    {
                        payload.Span.CopyTo(back.AsSpan(back.Length - size));
                        answers.Send(back);
                    });
                }
            });
            Wires.Run(() =>
            {
                while (true)
                {
                    asks.Receive(payload => latencies.AddSince(BinaryPrimitives.ReadInt64LittleEndian(payload.Span)));
                }
            });
            Wires.Run(() =>
            {
                for (var schedule = new OpenLoop(parameters["rate"]); ;)
                {
                    BinaryPrimitives.WriteInt64LittleEndian(there.AsSpan(there.Length - size), schedule.Next());
                    asks.Send(there);
                }
            });
            return latencies.Over(round);
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    // All senders of the background share a thread that wakes up each millisecond.
    private static void Background(Func<DerpClient> connect, int pairs, int rate)
    {
        if (rate == 0)
        {
            return;
        }

        var senders = new List<(DerpClient Sender, byte[] Packets)>();
        for (var i = 0; i < pairs; i++)
        {
            var (receiver, sender) = (connect(), connect());
            senders.Add((sender, DerpClient.Packets(receiver.Key, 1200, Math.Max(1, rate / 1000 / pairs))));
            Wires.Run(() =>
            {
                while (true)
                {
                    receiver.Receive();
                }
            });
        }

        var runs = rate / (double)(Math.Max(1, rate / 1000 / pairs) * pairs);
        Wires.Run(() =>
        {
            for (var schedule = new OpenLoop(runs); ;)
            {
                schedule.Next();
                foreach (var (sender, packets) in senders)
                {
                    sender.Send(packets);
                }
            }
        });
    }
}
