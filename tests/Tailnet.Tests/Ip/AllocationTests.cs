using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

/// <summary>In steady state a segment allocates nothing: neither sent, nor received, nor waited for.</summary>
public class AllocationTests
{
    private const int Full = 1208;

    [Theory]
    [InlineData(5)]
    [InlineData(Full)]
    public void ASegmentAllocatesNothing(int length)
    {
        var peer = new Echo();
        var data = new byte[length];
        var buffer = new byte[Full];
        for (var i = 0; i < 2000; i++)
        {
            peer.Exchange(data, buffer);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 5000; i++)
        {
            peer.Exchange(data, buffer);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(0, peer.Context.Buffers.Held);
    }

    /// <summary>A peer that sends back each segment, with the packets of both directions in arrays of its own.</summary>
    private sealed class Echo : IPacketOutput
    {
        private const uint Initial = 5000;

        private readonly VirtualClock _clock = new();
        private readonly PeerHost _host;
        private readonly TcpStream _stream;
        private readonly byte[] _sent = new byte[Ipv6Header.Mtu];
        private readonly byte[] _answer = new byte[Ipv6Header.Mtu];
        private int _length;
        private uint _next = Initial + 1;

        public Echo()
        {
            var numbers = new Random(9);
            Context = new TcpContext(_clock, 16 * 1024 * 1024, () => (uint)numbers.NextInt64());
            _host = new PeerHost(Context, this, RawPeer.Node, static _ => { });
            _host.SetPeerAddresses([RawPeer.Agent]);
            _stream = _host.Connect(RawPeer.Agent, 2, TcpSettings.Terminal)!;
            _stream.RunsInline = true;
            Pump();
            Answer(TcpFlags.Syn | TcpFlags.Ack, Initial, []);
            Pump();
        }

        public TcpContext Context { get; }

        public Span<byte> Begin() => _sent;

        public void Commit(int length) => _length = length;

        /// <summary>The application writes, and reads the same bytes back; the read waits for them.</summary>
        public void Exchange(byte[] data, byte[] buffer)
        {
            var read = _stream.ReadAsync(buffer);
            var write = _stream.WriteAsync(data);
            Check(write.IsCompletedSuccessfully);
            Pump();
            _clock.Now += 1000;
            Answer(TcpFlags.Ack | TcpFlags.Psh, _next, data);
            _next += (uint)data.Length;
            Pump();
            Check((read.IsCompleted ? read.GetAwaiter().GetResult() : -1) == data.Length);
        }

        /// <summary>An assertion that allocates nothing when it holds.</summary>
        private static void Check(bool holds)
        {
            if (!holds)
            {
                Assert.Fail("The exchange went wrong.");
            }
        }

        private void Pump()
        {
            lock (Context.Gate)
            {
                _host.Tick(_clock.Now);
                _host.Send(100, _clock.Now);
            }

            Context.RunCompletions();
        }

        private void Answer(TcpFlags flags, uint sequence, ReadOnlySpan<byte> data)
        {
            Check(Ipv6Header.TryRead(_sent.AsSpan(0, _length), out var ip));
            Check(TcpSegment.Read(_sent, ip, out var segment) == SegmentStatus.Ok);
            var options = new TcpOptions
            {
                HasTimestamps = true,
                TimestampValue = (uint)(_clock.Now / 1000),
                TimestampEcho = segment.Options.TimestampValue,
            };
            if ((flags & TcpFlags.Syn) != 0)
            {
                options.WindowScale = 7;
                options.SackPermitted = true;
            }

            data.CopyTo(_answer.AsSpan(TcpHeader.PayloadOffset(options)));
            var header = new TcpHeader(
                segment.DestinationPort, segment.SourcePort, sequence, segment.Sequence + segment.Length, flags, 2000);
            var length = header.Write(_answer, RawPeer.Agent, RawPeer.Node, options, data.Length);
            lock (Context.Gate)
            {
                Check(_host.Receive(_answer.AsSpan(0, length), _clock.Now) == PacketVerdict.Taken);
            }
        }
    }
}
