using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>Both halves of a handshake must write and read the exact bytes that were recorded from wireguard-go.</summary>
public sealed class HandshakeVectorTests
{
    private static readonly int[] PacketLengths = [0, 1, 15, 16, 17, 40, 1279, 1280];

    [Fact]
    public void HandshakesBeginWithTheRecordedConstants()
    {
        var vector = RecordedHandshake.Load(1);
        Assert.Equal(vector["initial_chain_key"], NoiseConstants.InitialChainKey);
        Assert.Equal(vector["initial_hash"], NoiseConstants.InitialHash);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheInitiationIsTheRecordedOneWithAndWithoutACookie(int number)
    {
        var vector = RecordedHandshake.Load(number);
        using var ends = new Ends(vector);
        using var half = new InitiatorHalf();
        var bytes = Initiate(vector, ends, half);
        using var macs = new HandshakeMacs(ends.ResponderKeys, ends.Times);
        var message = new InitiationMessage(bytes);
        macs.Write(message.Macs, message.Sender, 0);
        Assert.Equal(vector["initiation"], bytes);

        Assert.Equal(DropReason.None, macs.Read(new CookieReplyMessage(vector["cookie_reply"]), 0));
        macs.Write(message.Macs, message.Sender, ends.Times.CookieAge - 1);
        Assert.Equal(vector["initiation_with_cookie"], bytes);
        macs.Write(message.Macs, message.Sender, ends.Times.CookieAge);
        Assert.Equal(vector["initiation"], bytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheRecordedResponseGivesTheInitiatorItsKeys(int number)
    {
        var vector = RecordedHandshake.Load(number);
        using var ends = new Ends(vector);
        using var half = new InitiatorHalf();
        Initiate(vector, ends, half);
        var response = new ResponseMessage(vector["response"]);
        Assert.Equal(half.Index, response.Receiver);
        Assert.True(HandshakeMacs.IsValid(response.Macs, ends.Initiator.MacKey));

        var keys = new byte[2 * Session.KeyLength];
        Assert.Equal(DropReason.None, half.Read(response, ends.Initiator, keys));
        Assert.Equal(vector["initiator_to_responder_key"], keys[..Session.KeyLength]);
        Assert.Equal(vector["responder_to_initiator_key"], keys[Session.KeyLength..]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheRecordedInitiationIsReadAndItsResponseIsTheRecordedOne(int number)
    {
        var vector = RecordedHandshake.Load(number);
        using var ends = new Ends(vector);
        var initiation = new InitiationMessage(vector["initiation"]);
        Assert.True(HandshakeMacs.IsValid(initiation.Macs, ends.Responder.MacKey));
        Assert.Equal(vector["static_static"], ends.InitiatorKeys.StaticStatic);

        var memory = new byte[SymmetricState.Length];
        var state = new SymmetricState(memory);
        var timestamp = new byte[HandshakeClock.TimestampLength];
        Assert.Equal(DropReason.None, ResponderHalf.Read(initiation, ends.Responder, ends.InitiatorKeys, state, timestamp));
        Assert.Equal(vector["tai64n"], timestamp);
        Assert.Equal(vector["initiation_chain_key"], state.ChainKey);
        Assert.Equal(vector["initiation_hash"], state.Hash);

        var expected = new ResponseMessage(vector["response"]);
        var bytes = new byte[ResponseMessage.Length];
        var response = ResponseMessage.Create(bytes, expected.Sender, initiation.Sender);
        var keys = new byte[2 * Session.KeyLength];
        ResponderHalf.Write(response, ends.InitiatorKeys, initiation.Ephemeral, vector["responder_ephemeral_private"], state, keys);
        using var macs = new HandshakeMacs(ends.InitiatorKeys, ends.Times);
        macs.Write(response.Macs, response.Sender, 0);
        Assert.Equal(vector["response"], bytes);
        Assert.Equal(vector["response_chain_key"], state.ChainKey);
        Assert.Equal(vector["response_hash"], state.Hash);
        Assert.Equal(vector["responder_to_initiator_key"], keys[..Session.KeyLength]);
        Assert.Equal(vector["initiator_to_responder_key"], keys[Session.KeyLength..]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void PacketsAreSealedToTheRecordedMessagesAndOpened(int number)
    {
        var vector = RecordedHandshake.Load(number);
        byte[] keys = [.. vector["initiator_to_responder_key"], .. vector["responder_to_initiator_key"]];
        byte[] reversed = [.. keys[Session.KeyLength..], .. keys[..Session.KeyLength]];
        var indices = new ResponseMessage(vector["response"]);
        using var receiver = new Session(HandshakeRole.Responder, indices.Sender, indices.Receiver, reversed, 0, ulong.MaxValue);
        for (var i = 0; i < PacketLengths.Length; i++)
        {
            var recorded = vector[$"transport_{PacketLengths[i]}"];
            byte[] packet = [.. Enumerable.Range(i, PacketLengths[i]).Select(static value => (byte)value)];
            var message = new TransportMessage(recorded);
            using var sender = new Session(HandshakeRole.Initiator, indices.Receiver, indices.Sender, keys, 0, ulong.MaxValue)
            {
                Sent = message.Counter,
            };
            var buffer = new byte[TransportMessage.MaxLength];
            buffer.AsSpan().Fill(0xff);
            packet.CopyTo(buffer, TransportMessage.HeaderLength);
            Assert.Equal(recorded, buffer[..sender.Seal(buffer, packet.Length)]);

            Assert.Equal(receiver.LocalIndex, message.Receiver);
            Assert.Equal(DropReason.None, receiver.Open(message, out var opened));
            Assert.Equal(packet, opened[..packet.Length]);
            Assert.False(opened[packet.Length..].ContainsAnyExcept((byte)0));
            Assert.Equal(DropReason.Replay, receiver.Open(new TransportMessage(buffer.AsSpan(0, recorded.Length)), out _));
        }
    }

    private static byte[] Initiate(RecordedHandshake vector, Ends ends, InitiatorHalf half)
    {
        var bytes = new byte[InitiationMessage.Length];
        var message = InitiationMessage.Create(bytes, new InitiationMessage(vector["initiation"]).Sender);
        half.Write(message, ends.Initiator, ends.ResponderKeys, vector["initiator_ephemeral_private"], vector["tai64n"]);
        return bytes;
    }

    /// <summary>Both sides of a recorded handshake.</summary>
    private sealed class Ends : IDisposable
    {
        public Ends(RecordedHandshake vector)
        {
            Initiator = new WireGuardIdentity(vector["initiator_static_private"]);
            Responder = new WireGuardIdentity(vector["responder_static_private"]);
            Assert.Equal(vector["initiator_static_public"], Initiator.PublicKey);
            Assert.Equal(vector["responder_static_public"], Responder.PublicKey);
            Assert.True(PeerKeys.TryCreate(Initiator, Responder.PublicKey, out var responder));
            Assert.True(PeerKeys.TryCreate(Responder, Initiator.PublicKey, out var initiator));
            (ResponderKeys, InitiatorKeys) = (responder, initiator);
        }

        public WireGuardIdentity Initiator { get; }

        public WireGuardIdentity Responder { get; }

        public PeerKeys ResponderKeys { get; }

        public PeerKeys InitiatorKeys { get; }

        public WireGuardTimes Times { get; } = new(new WireGuardOptions(), new ManualTimeProvider());

        public void Dispose()
        {
            ResponderKeys.Dispose();
            InitiatorKeys.Dispose();
            Initiator.Dispose();
            Responder.Dispose();
        }
    }
}
