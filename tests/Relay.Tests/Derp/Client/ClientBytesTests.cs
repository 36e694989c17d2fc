using System.Buffers;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

/// <summary>The bytes from a relay to a client: arbitrary segments, and invalid input.</summary>
public sealed class ClientBytesTests
{
    private static readonly NodeKey Peer = Vectors.B.PublicKey;

    private static readonly byte[] Conversation =
    [
        .. DerpHandshake.ServerKey(TestRelay.Key.PublicKey),
        .. TestRelay.ServerInfo(),
        .. TestRelay.RecvPacket(Peer, 1, 2, 3),
        .. DerpTestClient.Frame(DerpFrameType.KeepAlive),
        .. DerpTestClient.Frame((DerpFrameType)0x99, 1, 2, 3),
        .. DerpTestClient.Frame(DerpFrameType.Ping, 1, 2, 3, 4, 5, 6, 7, 8),
        .. DerpTestClient.Frame(DerpFrameType.PeerGone, [.. DerpTestClient.Bytes(Peer), 1]),
        .. DerpTestClient.Frame(DerpFrameType.Restarting, 0, 0, 0, 1, 0, 0, 0, 2),
        .. DerpTestClient.Frame(DerpFrameType.Health, (byte)'!'),
        .. TestRelay.RecvPacket(Peer),
    ];

    private static readonly string[] Told =
    [
        "connected",
        ClientEvents.PacketLine(Peer, 1, 2, 3),
        ClientEvents.GoneLine(Peer, PeerGoneReason.NotHere),
        "restarting 1 2",
        "health !",
        ClientEvents.PacketLine(Peer),
    ];

    [Fact]
    public void FramesAreReadWhereverTheyAreCut()
    {
        for (var cut = 1; cut < Conversation.Length; cut++)
        {
            // Both parts arrive at once, in two segments.
            var whole = new Receiving();
            var sequence = Segments.Of(Conversation[..cut], Conversation[cut..]);
            Assert.Null(whole.Receiver.Receive(ref sequence));
            Assert.True(sequence.IsEmpty);
            whole.ExpectAll(cut);

            // The second part arrives later.
            var parted = new Receiving();
            Assert.Null(parted.Receive(Conversation[..cut]));
            Assert.Null(parted.Receive(Conversation[cut..]));
            parted.ExpectAll(cut);
        }
    }

    [Fact]
    public void FramesAreReadByteByByte()
    {
        var receiving = new Receiving();
        foreach (var value in Conversation)
        {
            Assert.Null(receiving.Receive([value]));
        }

        receiving.ExpectAll(1);
    }

    [Fact]
    public async Task AConversationThatIsCutShortEndsWithTheFramesThatAreWhole()
    {
        for (var end = Conversation.Length - 40; end < Conversation.Length; end++)
        {
            await using var relay = new TestRelay();
            await relay.WriteAsync(Conversation[..end]);
            await relay.CloseAsync();

            Assert.Equal(DerpClientCloseReason.RelayClosed, await relay.Ended.Soon());
            var told = relay.Events.Rest();
            Assert.InRange(told.Length, Told.Length - 2, Told.Length - 1);
            Assert.Equal(Told[..told.Length], told);
        }
    }

    [Theory]
    [InlineData(0x05, 32 + 65_536 + 1)]
    [InlineData(0x05, 0xffff_ffff)]
    [InlineData(0x08, 70_000)]
    [InlineData(0x12, 70_000)]
    [InlineData(0x14, 70_000)]
    [InlineData(0x15, 70_000)]
    [InlineData(0x77, (1024 * 1024) + 1)]
    [InlineData(0x77, 0xffff_ffff)]
    [InlineData(0x00, 0x8000_0000)]
    public void ALengthThatIsNotAllowedEndsTheConnectionBeforeThePayload(byte type, uint length)
    {
        var receiving = Receiving.Connected();
        byte[] header = [type, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];

        Assert.Null(receiving.Receive(header[..4]));
        Assert.Equal(DerpClientCloseReason.ProtocolError, receiving.Receive(header[4..]));
    }

    [Fact]
    public void TheLongestPacketArrivesAndLongFramesOfOtherTypesAreNotStored()
    {
        var receiving = Receiving.Connected();
        var packet = new byte[DerpProtocol.MaxPacketLength];
        var unknown = DerpTestClient.Frame((DerpFrameType)0x77, new byte[1024 * 1024]);

        foreach (var part in unknown.Chunk(50_000))
        {
            Assert.Null(receiving.Receive(part));
            Assert.Equal(0, receiving.Stored);
        }

        foreach (var part in TestRelay.RecvPacket(Peer, packet).Chunk(9999))
        {
            Assert.Null(receiving.Receive(part));
        }

        Assert.Equal([ClientEvents.PacketLine(Peer, packet)], receiving.Events.Rest());
    }

    [Fact]
    public void MutatedFramesEndTheConnectionOrAreReadButDoNotThrow()
    {
        var random = new Random(20261201);
        var (ended, continued) = (0, 0);
        for (var i = 0; i < 2000; i++)
        {
            // A tenth of the cases mutates the login too.
            var isLogin = i % 10 == 0;
            var receiving = isLogin ? new Receiving() : Receiving.Connected();
            var bytes = Mutated(isLogin ? Conversation : Conversation[Receiving.LoginLength..], random);
            var cut = random.Next(bytes.Length + 1);
            var reason = receiving.Receive(bytes[..cut]) ?? receiving.Receive(bytes[cut..]);
            Assert.True(reason is null or DerpClientCloseReason.BadLogin or DerpClientCloseReason.ProtocolError, $"case {i}: {reason}");
            _ = reason is null ? continued++ : ended++;
        }

        Assert.True(ended > 200 && continued > 200, $"{ended} ended and {continued} did not: too few cases reach one of the two outcomes.");
    }

    [Fact]
    public void FramesLeaveWholeAndInOrderHoweverLittleTheOutputAccepts()
    {
        var random = new Random(20261202);
        var output = new SinkOutput();
        var outbox = new DerpClientOutbox(output);
        outbox.Open();
        output.Space = 0;
        List<int> accepted = [];
        var pongs = 0;
        for (var i = 0; i < 5000; i++)
        {
            if (outbox.TrySend(Peer, BitConverter.GetBytes(i)))
            {
                accepted.Add(i);
            }

            if (random.Next(5) == 0)
            {
                outbox.QueuePong((ulong)i);
                pongs++;
            }

            output.Allow(random.Next(60));
        }

        output.Allow(1000);
        outbox.Flush();
        var sent = new ReadOnlySequence<byte>(output.Bytes.ToArray());
        List<int> packets = [];
        var answers = 0;
        while (DerpFrameReader.TryRead(ref sent, 1000, out var header, out var payload) == DerpFrameStatus.Frame)
        {
            if (header.Type == DerpFrameType.SendPacket)
            {
                packets.Add(BitConverter.ToInt32(payload.ToArray(), 32));
            }
            else
            {
                Assert.Equal(DerpFrameType.Pong, header.Type);
                answers++;
            }
        }

        Assert.True(sent.IsEmpty);
        Assert.Equal(accepted, packets);
        Assert.InRange(accepted.Count, 1000, 4999);
        Assert.InRange(answers, 1, pongs);
        outbox.Close();
        outbox.Close();
        Assert.Equal(1, output.Completions);
        Assert.False(outbox.TrySend(Peer, [1]));
    }

    [Fact]
    public void WhatIsSentFromWithinTheOutputIsRefusedOrFollows()
    {
        var output = new SinkOutput();
        var outbox = new DerpClientOutbox(output);
        outbox.Open();
        var isAccepted = true;
        output.Flushing = () =>
        {
            isAccepted = outbox.TrySend(Peer, [9]);
            outbox.QueuePong(7);
            outbox.Flush();
        };

        Assert.True(outbox.TrySend(Peer, [1]));
        outbox.Flush();

        Assert.False(isAccepted);
        byte[] expected =
        [
            .. DerpTestClient.Packet(Peer, [1]),
            .. DerpTestClient.Frame(DerpFrameType.Pong, 0, 0, 0, 0, 0, 0, 0, 7),
        ];
        Assert.Equal(expected, output.Bytes);
    }

    private static byte[] Mutated(byte[] good, Random random)
    {
        var bytes = good.ToArray();
        switch (random.Next(5))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                var at = random.Next(bytes.Length);
                return [.. bytes[..at], .. bytes[random.Next(at, bytes.Length)..]];
            case 2:
                at = random.Next(bytes.Length);
                return [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
            case 3:
                random.NextBytes(bytes.AsSpan(random.Next(bytes.Length)));
                return bytes;
            default:
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                {
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                return bytes;
        }
    }

    /// <summary>The receiving half of a client, without a pipe.</summary>
    private sealed class Receiving
    {
        public static readonly int LoginLength = DerpHandshake.ServerKey(TestRelay.Key.PublicKey).Length + TestRelay.ServerInfo().Length;

        private readonly SinkOutput _output = new();
        private readonly DerpClientOutbox _outbox;
        private byte[] _left = [];

        public Receiving()
        {
            _outbox = new DerpClientOutbox(_output);
            var login = new DerpLogin(TestRelay.ClientKey, new ClientInfo(2, null, true, false));
            Receiver = new DerpClientReceiver(login, null, _outbox, Events);
        }

        public DerpClientReceiver Receiver { get; }

        public ClientEvents Events { get; } = new();

        /// <summary>Bytes that wait for the rest of their frame.</summary>
        public int Stored => _left.Length;

        public static Receiving Connected()
        {
            var receiving = new Receiving();
            Assert.Null(receiving.Receive(Conversation[..LoginLength]));
            Assert.Equal(["connected"], receiving.Events.Rest());
            return receiving;
        }

        public DerpClientCloseReason? Receive(byte[] bytes)
        {
            var buffer = new ReadOnlySequence<byte>([.. _left, .. bytes]);
            var reason = Receiver.Receive(ref buffer);
            _left = buffer.ToArray();
            return reason;
        }

        public void ExpectAll(int cut)
        {
            Assert.True(Told.SequenceEqual(Events.Rest()), $"cut at {cut}");
            _outbox.Flush();
            var sent = new ReadOnlySequence<byte>(_output.Bytes.ToArray());
            Assert.Equal(DerpFrameStatus.Frame, DerpFrameReader.TryRead(ref sent, 1000, out var first, out _));
            Assert.Equal(DerpFrameStatus.Frame, DerpFrameReader.TryRead(ref sent, 1000, out var second, out var pong));
            Assert.Equal((DerpFrameType.ClientInfo, DerpFrameType.Pong), (first.Type, second.Type));
            Assert.Equal("0102030405060708", Vectors.Hex(pong.ToArray()));
            Assert.True(sent.IsEmpty);
        }
    }
}
