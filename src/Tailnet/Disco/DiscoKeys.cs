using System.Security.Cryptography;
using Crypto;

namespace Tailnet.Disco;

/// <summary>The disco key pair of a node, which answers the pings of agents. The private key is wiped on dispose.</summary>
public sealed class DiscoKeys : IDisposable
{
    private readonly byte[] _privateKey = GC.AllocateArray<byte>(DiscoMessages.KeyLength, pinned: true);
    private readonly byte[] _publicKey = new byte[DiscoMessages.KeyLength];

    /// <summary>Creates a random key pair.</summary>
    public DiscoKeys()
    {
        X25519.NewPrivateKey(_privateKey);
        X25519.PublicKey(_privateKey, _publicKey);
    }

    /// <summary>The public key, 32 bytes.</summary>
    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_privateKey);

    /// <summary>Answers a ping that came over DERP.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="source">The sender's node key, 32 bytes, as the relay states it.</param>
    /// <param name="disco">The disco key of that node, 32 bytes, as the coordinator states it.</param>
    /// <param name="region">The region of the relay.</param>
    /// <returns>The frame with the pong; null for other messages, other disco keys and forged boxes.</returns>
    internal byte[]? Answer(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> source, byte[] disco, int region)
    {
        if (!DiscoMessages.TryReadHead(frame, out var sender, out var nonce, out var sealedPing) || !sender.SequenceEqual(disco))
        {
            return null;
        }

        var box = new NaClBox(_privateKey, disco);
        if (box.Open(sealedPing, nonce) is not { } ping || !DiscoMessages.TryReadPing(ping, source, out var transaction))
        {
            return null;
        }

        Span<byte> pong = stackalloc byte[DiscoMessages.PongLength];
        DiscoMessages.WritePong(pong, transaction, region);
        var answer = new byte[DiscoMessages.HeadLength + NaClBox.Overhead + DiscoMessages.PongLength];
        Span<byte> answerNonce = stackalloc byte[DiscoMessages.NonceLength];
        RandomNumberGenerator.Fill(answerNonce);
        DiscoMessages.WriteHead(answer, _publicKey, answerNonce);
        box.Seal(pong, answerNonce).CopyTo(answer, DiscoMessages.HeadLength);
        return answer;
    }
}
