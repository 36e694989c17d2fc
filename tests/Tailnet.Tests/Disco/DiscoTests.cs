using System.Security.Cryptography;
using Crypto;
using Tailnet.Disco;

namespace Tailnet.Tests.Disco;

/// <summary>Answers to disco pings.</summary>
public sealed class DiscoTests : IDisposable
{
    private const int Region = 999;

    private readonly DiscoKeys _node = new();
    private readonly byte[] _private = X25519.NewPrivateKey();
    private readonly byte[] _source = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _transaction = RandomNumberGenerator.GetBytes(12);

    private byte[] Public => X25519.PublicKey(_private);

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1234)]
    public void APingIsAnsweredWithItsTransactionAndTheRegion(int padding)
    {
        var answer = Answer(Frame([1, 1, .. _transaction, .. _source, .. new byte[padding]]))!;

        Assert.Equal("TS\U0001f4ac"u8.ToArray(), answer[..6]);
        Assert.Equal(_node.PublicKey.ToArray(), answer[6..38]);
        var pong = new NaClBox(_private, _node.PublicKey.ToArray()).Open(answer.AsSpan(62), answer.AsSpan(38, 24));
        Assert.Equal([2, 1, .. _transaction, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 3, 3, 40, 0x03, 0xe7], pong);
    }

    [Fact]
    public void APingOfAnOldClientNamesNoNode() => Assert.NotNull(Answer(Frame([1, 1, .. _transaction])));

    [Fact]
    public void NothingElseIsAnswered()
    {
        Assert.Null(Answer(Frame([2, 1, .. _transaction, .. _source])));
        Assert.Null(Answer(Frame([3, 0])));
        Assert.Null(Answer(Frame([1, 0, .. _transaction, .. _source])));
        Assert.Null(Answer(Frame([])));
        Assert.Null(Answer(Frame([1, 1, .. _transaction, .. RandomNumberGenerator.GetBytes(32)])));

        // Another disco key than the coordinator's.
        Assert.Null(_node.Answer(Frame([1, 1, .. _transaction, .. _source]), _source, RandomNumberGenerator.GetBytes(32), Region));
    }

    [Fact]
    public void EachTruncationAndEachChangedByteIsRefused()
    {
        var frame = Frame([1, 1, .. _transaction, .. _source]);
        for (var i = 0; i < frame.Length; i++)
        {
            Assert.Null(Answer(frame[..i]));
            var changed = frame.ToArray();
            changed[i] ^= 1;
            Assert.Null(Answer(changed));
        }
    }

    private byte[]? Answer(byte[] frame) => _node.Answer(frame, _source, Public, Region);

    private byte[] Frame(byte[] message)
    {
        var nonce = RandomNumberGenerator.GetBytes(24);
        var box = new NaClBox(_private, _node.PublicKey.ToArray()).Seal(message, nonce);
        return [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac, .. Public, .. nonce, .. box];
    }
}
