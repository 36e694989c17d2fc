using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>A segment that the stack has sent.</summary>
internal sealed record SentSegment(
    TcpFlags Flags, uint Sequence, uint Acknowledgment, int Window, TcpOptions Options, byte[] Payload, ushort SourcePort);

/// <summary>
/// The stack under test against a peer that a test plays by hand, segment by segment. Sequence numbers are counted from each side's SYN.
/// </summary>
internal sealed class RawPeer : IPacketOutput
{
    public static readonly Ipv6Address Node = Simulation.Node;
    public static readonly Ipv6Address Agent = SimulatedServer.Address;

    private const uint PeerInitial = 0xffff_fff0;

    private readonly byte[] _region = new byte[Ipv6Header.Mtu];
    private readonly Queue<byte[]> _sent = new();
    private uint _initial;
    private ushort _port;

    public RawPeer(long maxBuffered = 64 * 1024 * 1024)
    {
        var numbers = new Random(7);
        Context = new TcpContext(Clock, maxBuffered, () => (uint)numbers.NextInt64());
        Host = new PeerHost(Context, this, Node, static _ => { });
        Host.SetPeerAddresses([Agent]);
    }

    public VirtualClock Clock { get; } = new();

    public TcpContext Context { get; }

    public PeerHost Host { get; }

    public TcpStream Stream { get; private set; } = null!;

    public TcpConnection Connection => Stream.Connection;

    public bool HasTimestamps { get; set; } = true;

    public bool IsBlocked { get; set; }

    /// <summary>The timestamp of the peer's segments; by default its clock.</summary>
    public uint? Timestamp { get; set; }

    /// <summary>The timestamp that the peer echoes; by default that of the segment taken last.</summary>
    public uint? Echo { get; set; }

    public uint LastTimestamp { get; private set; }

    public int Waiting => _sent.Count;

    public Span<byte> Begin() => IsBlocked ? default : _region;

    public void Commit(int length)
    {
        if (length > 0)
        {
            _sent.Enqueue(_region.AsSpan(0, length).ToArray());
        }
    }

    /// <summary>Begins to connect, and takes the SYN.</summary>
    public SentSegment Connect(TcpSettings? settings = null)
    {
        Stream = Host.Connect(Agent, 2, settings ?? TcpSettings.Terminal)!;
        Assert.NotNull(Stream);
        Stream.RunsInline = true;
        Settle();
        var syn = Take(raw: true);
        (_initial, _port) = (syn.Sequence, syn.SourcePort);
        return syn;
    }

    /// <summary>Connects wholly.</summary>
    public RawPeer Establish(TcpSettings? settings = null, bool sack = true, ushort window = 65535, byte? scale = 7, ushort? mss = 1220)
    {
        Connect(settings);
        Answer(sack, window, scale, mss);
        Assert.Equal((TcpFlags.Ack, 1u, 1u), Headline(Take()));
        Assert.Equal(0, Waiting);
        return this;
    }

    public void Answer(bool sack = true, ushort window = 65535, byte? scale = 7, ushort? mss = 1220)
    {
        var options = Options() with { MaxSegmentSize = mss, WindowScale = scale, SackPermitted = sack };
        Deliver(new TcpHeader(2, _port, PeerInitial, _initial + 1, TcpFlags.Syn | TcpFlags.Ack, window), options, []);
    }

    public void Send(
        uint sequence, uint acknowledgment, TcpFlags flags = TcpFlags.Ack, ReadOnlySpan<byte> data = default, ushort window = 512) =>
        Send(sequence, acknowledgment, flags, data, window, []);

    public void Send(
        uint sequence,
        uint acknowledgment,
        TcpFlags flags,
        ReadOnlySpan<byte> data,
        ushort window,
        ReadOnlySpan<(uint Start, uint End)> sack)
    {
        var options = Options();
        foreach (var (start, end) in sack)
        {
            options.AddSack(new SackBlock(_initial + start, _initial + end));
        }

        Deliver(new TcpHeader(2, _port, PeerInitial + sequence, _initial + acknowledgment, flags, window), options, data);
    }

    /// <summary>Hands over any packet.</summary>
    public PacketVerdict Deliver(ReadOnlySpan<byte> packet, bool settle = true)
    {
        PacketVerdict verdict;
        lock (Context.Gate)
        {
            verdict = Host.Receive(packet, Clock.Now);
        }

        if (settle)
        {
            Settle();
        }

        return verdict;
    }

    /// <summary>Sends what there is to send, and lets callers go on.</summary>
    public void Settle()
    {
        do
        {
            lock (Context.Gate)
            {
                Host.Send(1000, Clock.Now);
            }

            Context.RunCompletions();
        }
        while (Host.HasOutput && !IsBlocked);
    }

    /// <summary>Lets time pass, with each timer at its time.</summary>
    public void Advance(long microseconds)
    {
        var end = Clock.Now + microseconds;
        while (Host.NextDeadline <= end)
        {
            Clock.Now = Math.Max(Clock.Now, Host.NextDeadline);
            lock (Context.Gate)
            {
                Host.Tick(Clock.Now);
            }

            Settle();
        }

        Clock.Now = end;
    }

    /// <summary>The next segment that the stack has sent.</summary>
    public SentSegment Take(bool raw = false)
    {
        Assert.True(_sent.TryDequeue(out var packet), "The stack has sent nothing.");
        Assert.True(Ipv6Header.TryRead(packet, out var ip));
        Assert.Equal((Node, Agent), (ip.Source, ip.Destination));
        Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
        LastTimestamp = segment.Options.TimestampValue;
        return new SentSegment(
            segment.Flags,
            raw ? segment.Sequence : segment.Sequence - _initial,
            segment.Has(TcpFlags.Ack) && !raw ? segment.Acknowledgment - PeerInitial : segment.Acknowledgment,
            segment.Window,
            segment.Options,
            segment.Payload.ToArray(),
            segment.SourcePort);
    }

    public byte[] TakePacket() => _sent.Dequeue();

    public List<SentSegment> TakeAll()
    {
        var all = new List<SentSegment>();
        while (_sent.Count > 0)
        {
            all.Add(Take());
        }

        return all;
    }

    public static (TcpFlags Flags, uint Sequence, uint Acknowledgment) Headline(SentSegment segment) =>
        (segment.Flags, segment.Sequence, segment.Acknowledgment);

    public static byte[] Packet(in TcpHeader header, in TcpOptions options, ReadOnlySpan<byte> data, Ipv6Address? source = null)
    {
        var packet = new byte[TcpHeader.PayloadOffset(options) + data.Length];
        data.CopyTo(packet.AsSpan(TcpHeader.PayloadOffset(options)));
        header.Write(packet, source ?? Agent, Node, options, data.Length);
        return packet;
    }

    /// <summary>What the application reads without waiting.</summary>
    public byte[] Read(int most = 65536)
    {
        var buffer = new byte[most];
        var read = Stream.ReadAsync(buffer).AsTask();
        Assert.True(read.IsCompleted, "There is nothing to read.");
        var length = read.GetAwaiter().GetResult();
        Settle();
        return buffer[..length];
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        var write = Stream.WriteAsync(bytes.ToArray()).AsTask();
        Settle();
        Assert.True(write.IsCompleted, "The write waits.");
        write.GetAwaiter().GetResult();
    }

    public void Close()
    {
        Stream.CompleteWrites();
        Settle();
    }

    private TcpOptions Options()
    {
        var value = Timestamp ?? (uint)(Clock.Now / 1000);
        return HasTimestamps
            ? new TcpOptions { HasTimestamps = true, TimestampValue = value, TimestampEcho = Echo ?? LastTimestamp }
            : default;
    }

    private void Deliver(in TcpHeader header, in TcpOptions options, ReadOnlySpan<byte> data) =>
        Assert.Equal(PacketVerdict.Taken, Deliver(Packet(header, options, data)));
}
