using System.Net;
using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>What the link between the two sides does to packets. Times are microseconds.</summary>
internal sealed record LinkSettings
{
    public long Delay { get; init; } = 5_000;

    public long Jitter { get; init; }

    /// <summary>Of 1,000 packets.</summary>
    public int Lost { get; init; }

    /// <summary>Of 1,000 packets.</summary>
    public int Doubled { get; init; }

    /// <summary>Of 1,000 packets; they overtake or are overtaken.</summary>
    public int Reordered { get; init; }

    /// <summary>Of 1,000 packets; with each the link stands still for a while, as a carrier does that repeats a segment.</summary>
    public int Stalls { get; init; }

    public long StallTime { get; init; } = 500_000;

    /// <summary>Bytes a second; 0 for any.</summary>
    public long Rate { get; init; }

    /// <summary>Bytes that wait for a link with a rate; what is more is lost.</summary>
    public long Queue { get; init; } = 64 * 1024;
}

/// <summary>
/// The stack under test and a <see cref="SimulatedServer"/> with a link between them, in virtual time and on one thread. Everything follows
/// from the seed. Each packet of the stack is checked where it enters the link.
/// </summary>
internal sealed class Simulation : IPacketOutput
{
    public static readonly Ipv6Address Node = new(IPAddress.Parse("fd7a:115c:a1e0::1"));

    private const int MostLostAlike = 2;
    private const int MostAcksLost = 1;

    private readonly LinkSettings _link;
    private readonly Random _random;
    private readonly PriorityQueue<(bool ToServer, byte[] Packet), (long At, long Order)> _packets = new();
    private readonly PriorityQueue<TaskCompletionSource, (long At, long Order)> _delays = new();
    private readonly Dictionary<(bool, uint), int> _lost = [];
    private readonly byte[] _region = new byte[Ipv6Header.Mtu];
    private readonly int[] _acksLost = new int[2];
    private readonly long[] _free = new long[2];
    private readonly long[] _last = new long[2];
    private readonly long[] _stalledUntil = new long[2];
    private readonly int _scale;
    private long _order;
    private uint? _acknowledged;
    private uint _edge;

    public Simulation(int seed, LinkSettings link, ServerSettings server)
    {
        _link = link;
        _random = new Random(seed);
        _scale = server.Scale is null ? 0 : 7;
        var numbers = new Random(seed + 1);
        Context = new TcpContext(Clock, 64 * 1024 * 1024, () => (uint)numbers.NextInt64());
        Host = new PeerHost(Context, this, Node, static _ => { });
        Host.SetPeerAddresses([SimulatedServer.Address]);
        Server = new SimulatedServer(server, packet => Enter(toServer: false, packet), Node, (uint)_random.NextInt64());
    }

    /// <summary>Says whether a packet is lost, before chance does. The number counts the packets of the direction.</summary>
    public delegate bool Filter(bool toServer, in TcpSegment segment, int number);

    public VirtualClock Clock { get; } = new();

    public TcpContext Context { get; }

    public PeerHost Host { get; }

    public SimulatedServer Server { get; }

    public Filter? Drops { get; set; }

    /// <summary>Gets a line for each packet that enters the link, to look at one schedule.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Packets of each direction that entered the link: to the stack, to the server.</summary>
    public int[] Entered { get; } = new int[2];

    /// <summary>Most bytes that the stack's buffers have held.</summary>
    public long MostHeld { get; private set; }

    /// <summary>The time at which the simulation fails.</summary>
    public long Limit { get; set; } = 900_000_000;

    /// <summary>The output takes nothing.</summary>
    public bool IsBlocked { get; set; }

    public Span<byte> Begin() => IsBlocked ? default : _region;

    public void Commit(int length)
    {
        if (length > 0)
        {
            var packet = _region.AsSpan(0, length).ToArray();
            Array.Clear(_region);
            Check(packet);
            Enter(toServer: true, packet);
        }
    }

    /// <summary>Throws what the task of an application has thrown.</summary>
    public static void Verify(Task task) => task.GetAwaiter().GetResult();

    public TcpStream Connect(TcpSettings settings, ushort port = 2)
    {
        var stream = Host.Connect(SimulatedServer.Address, port, settings);
        Assert.NotNull(stream);
        stream.RunsInline = true;
        return stream;
    }

    public Task Delay(long microseconds)
    {
        var source = new TaskCompletionSource();
        _delays.Enqueue(source, (Clock.Now + microseconds, _order++));
        return source.Task;
    }

    /// <summary>Hands the stack a packet as if the agent had sent it.</summary>
    public PacketVerdict Inject(ReadOnlySpan<byte> packet)
    {
        PacketVerdict verdict;
        lock (Context.Gate)
        {
            verdict = Host.Receive(packet, Clock.Now);
        }

        Settle();
        return verdict;
    }

    /// <summary>Lets time pass until the condition holds.</summary>
    public void Run(Func<bool> until, string what)
    {
        var (same, then) = (0, Clock.Now);
        Settle();
        while (!until())
        {
            var next = Math.Min(Host.NextDeadline, Server.Deadline(Clock.Now));
            next = Math.Min(next, _packets.TryPeek(out _, out var packet) ? packet.At : long.MaxValue);
            next = Math.Min(next, _delays.TryPeek(out _, out var delay) ? delay.At : long.MaxValue);
            Assert.True(next != long.MaxValue, $"Nothing will happen any more at {Clock.Now} us, before: {what}. {Describe()}");
            Assert.True(next <= Limit, $"It takes longer than {Limit} us: {what}. {Describe()}");
            Clock.Now = Math.Max(Clock.Now, next);
            same = Clock.Now == then ? same + 1 : 0;
            then = Clock.Now;
            Assert.True(same < 10_000, $"Time stands still at {then} us, before: {what}. {Describe()}");
            Step();
        }
    }

    /// <summary>The link stands still in both directions, and then goes on.</summary>
    public void Stall(long microseconds) => _stalledUntil.AsSpan().Fill(Clock.Now + microseconds);

    /// <summary>Lets so many microseconds pass.</summary>
    public void RunFor(long microseconds)
    {
        var task = Delay(microseconds);
        Run(() => task.IsCompleted, "the time is over");
    }

    private void Step()
    {
        lock (Context.Gate)
        {
            Host.Tick(Clock.Now);
        }

        while (_packets.TryPeek(out var packet, out var due) && due.At <= Clock.Now)
        {
            _packets.Dequeue();
            if (packet.ToServer)
            {
                Server.Receive(packet.Packet, Clock.Now);
            }
            else
            {
                lock (Context.Gate)
                {
                    Host.Receive(packet.Packet, Clock.Now);
                }
            }
        }

        while (_delays.TryPeek(out var delay, out var at) && at.At <= Clock.Now)
        {
            _delays.Dequeue();
            delay.SetResult();
        }

        Settle();
    }

    private void Settle()
    {
        MostHeld = Math.Max(MostHeld, Context.Buffers.Held);
        do
        {
            lock (Context.Gate)
            {
                Host.Send(1000, Clock.Now);
            }

            Context.RunCompletions();
        }
        while (Host.HasOutput && !IsBlocked);

        MostHeld = Math.Max(MostHeld, Context.Buffers.Held);
        Server.Run(Clock.Now);
    }

    private void Enter(bool toServer, byte[] packet)
    {
        var direction = toServer ? 1 : 0;
        Assert.True(Ipv6Header.TryRead(packet, out var ip));
        var number = Entered[direction]++;
        if (ip.Protocol == IpProtocol.Tcp)
        {
            Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
            Trace?.Invoke(
                $"{Clock.Now} {(toServer ? ">" : "<")} {segment.Flags} {segment.Sequence}+{segment.Payload.Length} "
                + $"ack {segment.Acknowledgment} window {segment.Window} sack {segment.Options.SackCount}");
            if (Drops is { } drops && drops(toServer, segment, number))
            {
                return;
            }

            if (_random.Next(1000) < _link.Lost && MayLose(direction, segment))
            {
                Trace?.Invoke("  lost");
                return;
            }
        }

        var at = Math.Max(Clock.Now, _stalledUntil[direction]);
        if (_link.Rate > 0)
        {
            var start = Math.Max(at, _free[direction]);
            if ((start - at) * _link.Rate / 1_000_000 > _link.Queue)
            {
                return;
            }

            at = _free[direction] = start + (packet.Length * 1_000_000 / _link.Rate);
        }

        if (_random.Next(1000) < _link.Stalls)
        {
            _stalledUntil[direction] = at = Clock.Now + _random.NextInt64(_link.StallTime);
        }

        at += _link.Delay;
        if (_random.Next(1000) < _link.Reordered)
        {
            at += _random.NextInt64(4 * _link.Delay);
        }
        else if (_link.Jitter > 0)
        {
            // The link keeps the order: a packet waits for those before it.
            _last[direction] = at = Math.Max(at + _random.NextInt64(_link.Jitter), _last[direction]);
        }

        _packets.Enqueue((toServer, packet), (at, _order++));
        if (_random.Next(1000) < _link.Doubled)
        {
            _packets.Enqueue((toServer, packet), (at + _random.NextInt64(2 * _link.Delay), _order++));
        }
    }

    /// <summary>The same segment, and acknowledgments in a row, are lost only so often: a side that gives up after that is wrong.</summary>
    private bool MayLose(int direction, in TcpSegment segment)
    {
        if (segment.Length == 0 && !segment.Has(TcpFlags.Rst))
        {
            if (_acksLost[direction] == MostAcksLost)
            {
                _acksLost[direction] = 0;
                return false;
            }

            _acksLost[direction]++;
            return true;
        }

        var key = (direction == 1, segment.Sequence);
        var times = _lost.GetValueOrDefault(key);
        _lost[key] = times + 1;
        return times < MostLostAlike;
    }

    /// <summary>
    /// What holds for every segment of the stack: acknowledgments and window edges do not go back, and SACK blocks lie between them.
    /// </summary>
    private void Check(byte[] packet)
    {
        Assert.True(Ipv6Header.TryRead(packet, out var ip));
        Assert.Equal(Node, ip.Source);
        Assert.True(packet.Length <= Ipv6Header.Mtu);
        if (ip.Protocol != IpProtocol.Tcp)
        {
            return;
        }

        Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
        if (!segment.Has(TcpFlags.Ack) || segment.Has(TcpFlags.Rst) || Host.Connections != 1)
        {
            return;
        }

        var edge = segment.Acknowledgment + ((uint)segment.Window << _scale);
        if (_acknowledged is { } before)
        {
            Assert.True((int)(segment.Acknowledgment - before) >= 0, "An acknowledgment goes back.");
            Assert.True((int)(edge - _edge) > -(1 << _scale) - 1, $"The window's edge goes back by {_edge - edge}.");
            edge = (int)(edge - _edge) > 0 ? edge : _edge;
        }

        (_acknowledged, _edge) = (segment.Acknowledgment, edge);
        for (var i = 0; i < segment.Options.SackCount; i++)
        {
            var block = segment.Options[i];
            Assert.True((int)(block.Start - segment.Acknowledgment) > 0 && (int)(block.End - block.Start) > 0, "A SACK block is wrong.");
        }
    }

    private string Describe() =>
        $"Connections {Host.Connections}, held {Context.Buffers.Held}, server has {Server.Received}, "
        + $"reset {Server.WasReset}, gave up {Server.GaveUp}.";
}
