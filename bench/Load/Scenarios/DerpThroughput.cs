using System.Net;
using System.Net.Sockets;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>
/// Pairs of clients that keep a window of packets in flight. The loop is closed, because it measures the cost of a packet and
/// not its time. With two servers, the senders are at the first and the receivers at the second.
/// </summary>
internal sealed class DerpThroughput(string name, string summary, ServerRole role, bool webSocket)
    : ThreadedScenario(name, summary, role, "cpu_s_per_million", ("pairs", 10), ("size", 1200), ("window", 16))
{
    // A packet that is not there after so long was dropped.
    private const int LossAfter = 500;
    private const int Tries = 60;

    public override bool CountsUnits => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var (got, lost) = (0L, 0L);
        var clients = new List<DerpClient>();
        DerpClient Connect(IPEndPoint relay)
        {
            clients.Add(
                DerpClient.Connect(relay, Role is ServerRole.Derp || round.IsBare ? null : round.Certificate, webSocket && !round.IsBare));
            return clients[^1];
        }

        try
        {
            // All connect before any sends: a server that is busy greets slowly.
            var drivers = new List<Action>();
            var isMesh = Role is ServerRole.DerpMesh;
            for (var i = 0; i < parameters["pairs"]; i++)
            {
                var receiver = Connect(isMesh ? round.Server.Others[0].Address : round.Server.Address);
                var sender = Connect(round.Server.Address);
                receiver.Socket.ReceiveTimeout = LossAfter;
                var packets = DerpClient.Packets(receiver.Key, parameters["size"], parameters["window"]);
                if (isMesh)
                {
                    AwaitPath(sender, receiver, packets.AsSpan(0, DerpClient.FrameLength(parameters["size"])));
                }

                drivers.Add(() => Drive(sender, receiver, packets, parameters["size"], ref got, ref lost));
            }

            drivers.ForEach(static driver => Wires.Run(driver));

            long? before = null;
            var figures = Costs(
                Window.Watch(round, () =>
                {
                    before ??= Interlocked.Read(ref lost);
                    return Interlocked.Read(ref got);
                }),
                "packets");
            figures["lost"] = Interlocked.Read(ref lost) - before!.Value;
            return figures;
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    // The servers of a mesh tell each other of their clients, and find each other after a while: what is sent before that is lost.
    private static void AwaitPath(DerpClient sender, DerpClient receiver, ReadOnlySpan<byte> packet)
    {
        for (var i = 0; i < Tries; i++)
        {
            sender.Send(packet);
            try
            {
                while (receiver.Receive() == 0)
                {
                }

                return;
            }
            catch (IOException exception) when (IsTimeout(exception))
            {
                continue;
            }
        }

        throw new InvalidOperationException("no packet went from one server to the other");
    }

    // One thread both sends and receives for a pair: as many packets go out as have come in, in one write.
    private static void Drive(DerpClient sender, DerpClient receiver, byte[] packets, int size, ref long got, ref long lost)
    {
        var length = DerpClient.FrameLength(size);
        var window = packets.Length / length;
        sender.Send(packets);
        while (true)
        {
            try
            {
                var n = receiver.Receive();
                Interlocked.Add(ref got, n);
                sender.Send(packets.AsSpan(0, Math.Min(n, window) * length));
            }
            catch (IOException exception) when (IsTimeout(exception))
            {
                Interlocked.Add(ref lost, window);
                sender.Send(packets);
            }
        }
    }

    private static bool IsTimeout(IOException exception) =>
        exception.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock };
}
