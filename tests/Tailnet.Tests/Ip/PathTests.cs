using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>Whole connections over links that misbehave in one way.</summary>
public class PathTests
{
    private const long Millisecond = 1000;
    private const long Second = 1000 * Millisecond;

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void ALostSynOrItsLostAnswerOnlyTakesTime(bool toServer, int times)
    {
        var simulation = new Simulation(1, new LinkSettings(), new ServerSettings { ToSend = 5000 });
        var left = times;
        simulation.Drops = (bool up, in TcpSegment segment, int _) => up == toServer && segment.Has(TcpFlags.Syn) && left-- > 0;
        Transfer(simulation, 5000, 5000);
        Assert.InRange(simulation.Clock.Now, 1 * Second, 5 * Second);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ALostTailIsRepairedWithoutATimeout(bool sack)
    {
        var simulation = new Simulation(1, new LinkSettings { Delay = 10 * Millisecond }, new ServerSettings { Sack = sack, NoFin = true });
        var stream = Open(simulation);
        _ = stream.WriteAsync(Bytes(0, 100)).AsTask();
        simulation.RunFor(Second);
        var lost = 0;
        var pattern = Bytes(100, 1208);
        simulation.Drops = (bool up, in TcpSegment segment, int _) => up && segment.Payload.Length > 0 && lost++ == 0;
        var begun = simulation.Clock.Now;
        _ = stream.WriteAsync(pattern).AsTask();
        simulation.Run(() => simulation.Server.Received == 1308, "the last segment arrives");
        Assert.InRange(simulation.Clock.Now - begun, 0, 120 * Millisecond);
        Assert.Equal((1, 0), (simulation.Context.Counters.TailProbes, simulation.Context.Counters.TimeoutRetransmits));
    }

    [Fact]
    public void ALostTailOfThreeSegmentsIsFoundByTheProbe()
    {
        var simulation = new Simulation(1, new LinkSettings { Delay = 10 * Millisecond }, new ServerSettings { NoFin = true });
        var stream = Open(simulation);
        _ = stream.WriteAsync(Bytes(0, 100)).AsTask();
        simulation.RunFor(Second);
        var seen = 0;
        simulation.Drops = (bool up, in TcpSegment segment, int _) => up && segment.Payload.Length > 0 && seen++ is >= 2 and < 5;
        var begun = simulation.Clock.Now;
        _ = stream.WriteAsync(Bytes(100, 5 * 1208)).AsTask();
        simulation.Run(() => simulation.Server.Received == 100 + (5 * 1208), "everything arrives");
        Assert.InRange(simulation.Clock.Now - begun, 0, 250 * Millisecond);
        Assert.Equal(0, simulation.Context.Counters.TimeoutRetransmits);
    }

    [Fact]
    public void AStallOfTheCarrierIsTakenForWhatItIs()
    {
        // With a rate the packets that waited arrive one after the other, and have acknowledgments of their own.
        var link = new LinkSettings { Delay = 20 * Millisecond, Rate = 2_000_000, Queue = 1_000_000 };
        var simulation = new Simulation(1, link, new ServerSettings { NoFin = true, Window = 1_000_000 });
        var stream = Open(simulation);
        _ = stream.WriteAsync(Bytes(0, 60_000)).AsTask();
        simulation.RunFor(Second);
        var window = stream.Connection.Sender!.CongestionWindow;
        simulation.Stall(800 * Millisecond);
        _ = stream.WriteAsync(Bytes(60_000, 60_000)).AsTask();
        simulation.Run(() => simulation.Server.Received == 120_000, "everything arrives");
        simulation.RunFor(Second);
        Assert.True(simulation.Context.Counters.Spurious > 0);
        Assert.True(stream.Connection.Sender.CongestionWindow >= window);
    }

    [Fact]
    public void AServerThatReadsLateGetsEverything()
    {
        var server = new ServerSettings { Window = 20_000, ReadsFrom = 150 * Second, Reads = (3000, 10 * Millisecond) };
        var simulation = new Simulation(1, new LinkSettings(), server);
        Transfer(simulation, 300_000, 0);
        Assert.InRange(simulation.Clock.Now, 150 * Second, 250 * Second);
    }

    [Fact]
    public void ALostWindowUpdateIsFoundByTheProbe()
    {
        var server = new ServerSettings { Window = 5000, ReadsFrom = 2 * Second };
        var simulation = new Simulation(1, new LinkSettings(), server);
        simulation.Drops = (bool up, in TcpSegment segment, int _) =>
            !up && segment.Length == 0 && segment.Window > 0 && simulation.Clock.Now is > 2 * Second and < 2 * Second + (100 * Millisecond);
        Transfer(simulation, 50_000, 0);
        Assert.InRange(simulation.Clock.Now, 2 * Second, 20 * Second);
    }

    [Fact]
    public void AnApplicationThatDoesNotReadHoldsAWindowAndNoMore()
    {
        var settings = TcpSettings.Terminal;
        var simulation = new Simulation(1, new LinkSettings(), new ServerSettings { ToSend = 10_000_000 });
        var stream = Open(simulation, settings);
        simulation.RunFor(300 * Second);
        Assert.Equal(settings.ReceiveWindow, stream.Connection.Readable);
        Assert.InRange(simulation.MostHeld, settings.ReceiveWindow, settings.ReceiveWindow + (2 * BufferPool.ChunkSize));

        var client = new SimulatedClient(simulation, stream, new ClientSettings { ToReceive = 10_000_000 }, 1);
        var read = client.ReadAllAsync();
        simulation.Run(() => read.IsCompleted, "everything is read");
        Simulation.Verify(read);
    }

    [Fact]
    public void APeerThatRepeatsFiveTimesSurvivesAStallOfFourSeconds()
    {
        var simulation = new Simulation(1, new LinkSettings(), new ServerSettings { ToSend = 200_000, Retries = 5 });
        var stream = Open(simulation, TcpSettings.Bulk);
        var client = new SimulatedClient(simulation, stream, new ClientSettings { ToReceive = 200_000 }, 1);
        var read = client.ReadAllAsync();
        simulation.RunFor(30 * Millisecond);
        var until = simulation.Clock.Now + (4 * Second);
        simulation.Drops = (bool _, in TcpSegment _, int _) => simulation.Clock.Now < until;
        simulation.Run(() => read.IsCompleted, "everything is read");
        Simulation.Verify(read);
        Assert.False(simulation.Server.GaveUp);
    }

    [Fact]
    public void APathThatIsGoneEndsBothSides()
    {
        var simulation = new Simulation(1, new LinkSettings(), new ServerSettings { ToSend = 200_000, Retries = 5 });
        var stream = Open(simulation, TcpSettings.Bulk);
        _ = stream.WriteAsync(Bytes(0, 100_000)).AsTask();
        var read = stream.ReadAsync(new byte[1]).AsTask();
        simulation.Run(() => read.IsCompleted, "something comes");
        simulation.Drops = static (bool _, in TcpSegment _, int _) => true;
        _ = stream.WriteAsync(new byte[1]).AsTask();
        var begun = simulation.Clock.Now;
        simulation.Run(() => simulation.Server.GaveUp && simulation.Host.Connections == 0, "both have given up");
        Assert.Equal(TcpCloseReason.SendTimeout, stream.CloseReason);
        Assert.InRange(simulation.Clock.Now - begun, 29 * Second, 31 * Second);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(20, 0)]
    [InlineData(50, 0)]
    [InlineData(10, 30)]
    public void LossSlowsATransferAndNeverStallsIt(int lost, int stalls)
    {
        var link = new LinkSettings { Delay = 10 * Millisecond, Jitter = Millisecond, Lost = lost, Stalls = stalls };
        var simulation = new Simulation(lost, link, new ServerSettings { ToSend = 400_000 });
        Transfer(simulation, 400_000, 400_000);
        Assert.InRange(simulation.Clock.Now, 0, 120 * Second);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void EitherHalfMayCloseLongBeforeTheOther(bool clientFirst)
    {
        var server = new ServerSettings { ToSend = 50_000, WritesAfterFin = clientFirst, FinAfterFin = clientFirst };
        var simulation = new Simulation(1, new LinkSettings { Lost = 50 }, server);
        var stream = Open(simulation);
        var client = new SimulatedClient(simulation, stream, new ClientSettings { ToSend = 50_000, ToReceive = 50_000 }, 1);
        var read = client.ReadAllAsync();
        if (!clientFirst)
        {
            simulation.Run(() => read.IsCompleted, "the server has closed");
        }

        var written = client.WriteAllAsync();
        simulation.Run(() => read.IsCompleted && written.IsCompleted && simulation.Host.Connections == 0, "both have closed");
        Simulation.Verify(read);
        Assert.Equal((TcpCloseReason.Completed, 50_000L), (stream.CloseReason, simulation.Server.Received));
    }

    private static TcpStream Open(Simulation simulation, TcpSettings? settings = null)
    {
        var stream = simulation.Connect(settings ?? TcpSettings.Http);
        var connected = stream.ConnectAsync(CancellationToken.None).AsTask();
        simulation.Run(() => connected.IsCompleted, "the connection is open");
        Simulation.Verify(connected);
        return stream;
    }

    private static void Transfer(Simulation simulation, int up, int down)
    {
        var stream = Open(simulation, TcpSettings.Bulk);
        var client = new SimulatedClient(simulation, stream, new ClientSettings { ToSend = up, ToReceive = down }, 1);
        var (written, read) = (client.WriteAllAsync(), client.ReadAllAsync());
        simulation.Run(() => written.IsCompleted && read.IsCompleted && simulation.Host.Connections == 0, "everything is there");
        Simulation.Verify(read);
        Assert.Equal((up, TcpCloseReason.Completed), ((int)simulation.Server.Received, stream.CloseReason));
    }

    private static byte[] Bytes(long position, int length)
    {
        var bytes = new byte[length];
        Pattern.Fill(bytes, position, new ClientSettings().Salt);
        return bytes;
    }
}
