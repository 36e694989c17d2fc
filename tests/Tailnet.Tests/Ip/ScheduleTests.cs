using System.Globalization;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>
/// The stack against a server over a bad link, with everything chosen by a seed: both sides get the bytes that the other sent, in bounded
/// time and memory. <c>EDGE_TCP_SCHEDULES</c> says how many schedules run, and <c>EDGE_TCP_SEED</c> which is the first.
/// </summary>
public class ScheduleTests
{
    private static readonly int Schedules = Setting("EDGE_TCP_SCHEDULES", 10_000);
    private static readonly int First = Setting("EDGE_TCP_SEED", 1);

    [Fact]
    public void BytesArriveAsTheyWereSent() => PlayAll(Schedules, static seed => Play(seed));

    [Fact]
    public void AConnectionThatIsCutAnywhereLeavesNothing() => PlayAll(Schedules / 5, static seed => Cut(seed));

    /// <summary>Schedules that have failed once, of the stack or of the test's own server and link.</summary>
    [Theory]
    [InlineData(810)]
    [InlineData(2124)]
    [InlineData(2460)]
    [InlineData(2770)]
    [InlineData(3601)]
    [InlineData(4863)]
    [InlineData(7169)]
    [InlineData(10044)]
    [InlineData(10097)]
    [InlineData(16618)]
    [InlineData(23818)]
    [InlineData(26529)]
    [InlineData(30684)]
    [InlineData(31511)]
    [InlineData(37148)]
    [InlineData(51416)]
    [InlineData(54849)]
    [InlineData(66394)]
    [InlineData(76808)]
    [InlineData(95477)]
    [InlineData(164596)]
    [InlineData(210934)]
    [InlineData(428841)]
    public void AScheduleThatFailedOnceDoesNotFailAgain(int seed) => Play(seed);

    /// <summary>Plays one schedule.</summary>
    internal static Simulation Play(int seed, Action<string>? trace = null)
    {
        var (simulation, stream, settings, behaviour) = Prepare(seed, trace);
        var client = new SimulatedClient(simulation, stream, behaviour, seed);
        var connected = client.ConnectAsync();
        simulation.Run(() => connected.IsCompleted, "the connection is open");
        Simulation.Verify(connected);

        var written = client.WriteAllAsync();
        var read = client.ReadAllAsync();
        simulation.Run(() => (written.IsCompleted && read.IsCompleted) || written.IsFaulted || read.IsFaulted, "all is written and read");
        Simulation.Verify(written);
        Simulation.Verify(read);
        simulation.Run(() => simulation.Server.HasAll && simulation.Host.Connections == 0, "both halves are closed");
        Assert.Equal(behaviour.ToSend, simulation.Server.Received);
        Assert.Equal(TcpCloseReason.Completed, stream.CloseReason);
        stream.Dispose();
        Assert.Equal(0, simulation.Context.Buffers.Held);
        var bound = settings.ReceiveWindow + settings.SendBuffer + (4 * BufferPool.ChunkSize);
        Assert.True(simulation.MostHeld <= bound, $"The buffers held {simulation.MostHeld} bytes; the bound is {bound}.");
        return simulation;
    }

    /// <summary>Begins one schedule, and ends it from this side at some time in some way.</summary>
    internal static Simulation Cut(int seed, Action<string>? trace = null)
    {
        var (simulation, stream, _, behaviour) = Prepare(seed, trace);
        var random = new Random(seed + 2);
        var client = new SimulatedClient(simulation, stream, behaviour, seed);
        var work = RunAsync(client);
        simulation.RunFor(random.NextInt64(3_000_000));
        switch (random.Next(4))
        {
            case 0:
                stream.Abort();
                break;
            case 1:
                simulation.Host.Abort(TcpCloseReason.AgentLost, tellPeer: random.Next(2) == 0);
                break;
            case 2:
                // The path is gone for good, and the application leaves later.
                simulation.Drops = static (bool _, in TcpSegment _, int _) => true;
                simulation.RunFor(random.NextInt64(3_000_000));
                stream.Dispose();
                break;
            default:
                stream.Dispose();
                break;
        }

        simulation.Limit = simulation.Clock.Now + 200_000_000;
        simulation.Run(() => simulation.Host.Connections == 0 && work.IsCompleted, "the connection has ended");
        stream.Dispose();
        Assert.Equal(0, simulation.Context.Buffers.Held);
        Simulation.Verify(work);
        return simulation;
    }

    private static async Task RunAsync(SimulatedClient client)
    {
        await EndureAsync(client.ConnectAsync()).ConfigureAwait(false);
        await Task.WhenAll(EndureAsync(client.WriteAllAsync()), EndureAsync(client.ReadAllAsync())).ConfigureAwait(false);
    }

    private static async Task EndureAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is TcpException or ObjectDisposedException)
        {
            // What a reader or a writer gets whose connection was cut. Anything else fails the schedule.
        }
    }

    private static void PlayAll(int schedules, Action<int> play)
    {
        for (var seed = First; seed < First + schedules; seed++)
        {
            try
            {
                play(seed);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Schedule {seed} failed: {exception.Message}", exception);
            }
        }
    }

    private static Schedule Prepare(int seed, Action<string>? trace)
    {
        var random = new Random(seed);
        var link = RandomLink(random);
        if (link is { Stalls: > 0, StallTime: > 1_000_000 })
        {
            // A stall of seconds makes a time-out of many seconds: with more loss a side that gives up after 30 s is right.
            link = link with { Lost = link.Lost / 2 };
        }

        var (up, down) = (RandomSize(random), RandomSize(random));
        var server = new ServerSettings
        {
            Sack = random.Next(4) > 0,
            Timestamps = random.Next(4) > 0,
            Scale = random.Next(4) == 0 ? null : (byte)random.Next(9),
            Mss = random.Next(4) == 0 ? random.Next(536, 1220) : 1220,
            Window = Pick(random, 2500, 10_000, 60_000, 200_000),
            DelayedAck = Pick(random, 0, 0, 0, 40_000),
            ToSend = down,
            Writes = random.Next(2) == 0 ? (int.MaxValue, 0) : (random.Next(1, 5000) + (down / 2000), random.Next(20_000)),
            Reads = random.Next(2) == 0 ? (int.MaxValue, 0) : (random.Next(500, 20_000), random.Next(10_000)),
            ReadsFrom = random.Next(8) == 0 ? random.NextInt64(5_000_000) : 0,
            WritesAfterFin = random.Next(6) == 0,
            FinAfterFin = random.Next(3) == 0,
        };
        var settings = new TcpSettings
        {
            ReceiveWindow = Pick(random, 4096, 16_384, 65_536, 262_144),
            SendBuffer = Pick(random, 4096, 32_768, 262_144),
            KeepAlive = random.Next(2) == 0,
        };
        var behaviour = new ClientSettings
        {
            ToSend = up,
            ToReceive = down,
            Writes = random.Next(2) == 0 ? (int.MaxValue, 0) : (random.Next(1, 5000) + (up / 2000), random.Next(50_000)),
            Reads = random.Next(2) == 0 ? (65_536, 0) : (random.Next(500, 20_000), random.Next(20_000)),
            ReadsFrom = random.Next(8) == 0 ? random.NextInt64(5_000_000) : 0,
        };

        trace?.Invoke($"{link}{Environment.NewLine}{server}{Environment.NewLine}{settings}{Environment.NewLine}{behaviour}");
        var simulation = new Simulation(seed, link, server);
        var stream = simulation.Connect(settings);
        if (trace is not null)
        {
            simulation.Trace = line => trace($"{line} rtt {stream.Connection.RoundTrip} rto {stream.Connection.Sender?.Timeout}");
        }

        return new Schedule(simulation, stream, settings, behaviour);
    }

    private static LinkSettings RandomLink(Random random) => new()
    {
        Delay = Pick(random, 50, 1000, 20_000, 150_000),
        Jitter = random.Next(3) == 0 ? 0 : random.Next(1, 50_000),
        Lost = random.Next(3) == 0 ? 0 : random.Next(200),
        Doubled = random.Next(3) == 0 ? random.Next(100) : 0,
        Reordered = random.Next(4) == 0 ? random.Next(150) : 0,
        Stalls = random.Next(3) == 0 ? random.Next(30) : 0,
        StallTime = Pick(random, 100_000, 500_000, 3_000_000),
        Rate = random.Next(3) == 0 ? Pick(random, 50_000, 500_000, 5_000_000) : 0,
        Queue = Pick(random, 20_000, 65_536, 300_000),
    };

    private static int RandomSize(Random random) => random.Next(10) switch
    {
        0 => 0,
        < 5 => random.Next(3000),
        < 9 => random.Next(40_000),
        _ => random.Next(400_000),
    };

    private static int Pick(Random random, params ReadOnlySpan<int> values) => values[random.Next(values.Length)];

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    private sealed record Schedule(Simulation Simulation, TcpStream Stream, TcpSettings Settings, ClientSettings Behaviour);
}
