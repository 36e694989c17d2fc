using System.Net.Sockets;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Pairs of clients that keep a window of packets in flight; closed loop, because the cost of a packet is the subject and not its time.</summary>
internal sealed class DerpThroughput(string name, string summary, ServerRole role, bool webSocket)
    : Scenario(name, summary, role, "cpu_s_per_million", ("pairs", 10), ("size", 1200), ("window", 16))
{
    // A packet that is not there after so long was dropped.
    private const int LossAfter = 500;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var (got, lost) = (0L, 0L);
        var clients = new List<DerpClient>();
        try
        {
            for (var i = 0; i < parameters["pairs"]; i++)
            {
                var receiver = DerpClient.Connect(round.Server.Address, round.Certificate, webSocket);
                clients.Add(receiver);
                var sender = DerpClient.Connect(round.Server.Address, round.Certificate, webSocket);
                clients.Add(sender);
                receiver.Socket.ReceiveTimeout = LossAfter;
                var packets = DerpClient.Packets(receiver.Key, parameters["size"], parameters["window"]);
                Wires.Run(() => Drive(sender, receiver, packets, parameters["size"], ref got, ref lost));
            }

            var figures = Costs(Window.Watch(round.Server.Id, round.WarmUp, round.Seconds, () => Interlocked.Read(ref got)), "packets");
            figures["lost"] = Interlocked.Read(ref lost);
            figures["resident_MiB"] = round.Server.Cost().ResidentKiB / 1024.0;
            return figures;
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
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
            catch (IOException exception) when (exception.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock })
            {
                Interlocked.Add(ref lost, window);
                sender.Send(packets);
            }
        }
    }
}
