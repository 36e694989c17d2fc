using System.Diagnostics.CodeAnalysis;
using Crypto;

namespace Tailnet.WireGuard;

/// <summary>
/// The state that the peers of one node share: the key pair, receiver indices, timestamps of initiations, and the limit of initiations
/// that are answered. For concurrent use.
/// </summary>
public sealed class WireGuardNode
{
    private readonly Lock _lock = new();
    private HandshakeBudget _budget;

    /// <summary>Creates a node without peers.</summary>
    /// <param name="identity">The key pair; the caller disposes it after the peers.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="time">The clock.</param>
    public WireGuardNode(WireGuardIdentity identity, WireGuardOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        Identity = identity;
        Options = options;
        Times = new WireGuardTimes(options, time);
        Clock = new HandshakeClock(time);
        _budget = NewBudget(options.NodeHandshakesPerSecond, options.NodeHandshakesPerSecond);
    }

    /// <summary>The key pair.</summary>
    public WireGuardIdentity Identity { get; }

    internal WireGuardOptions Options { get; }

    internal WireGuardTimes Times { get; }

    internal HandshakeClock Clock { get; }

    internal SessionIndices Indices { get; } = new();

    /// <summary>Creates a peer.</summary>
    /// <param name="publicKey">The peer's public key of 32 bytes. It is not trusted.</param>
    /// <param name="output">Receives the messages to the peer.</param>
    /// <param name="peer">The peer, which the caller disposes.</param>
    /// <returns>False when the key has another length, or gives no shared secret: zero, or another point of low order.</returns>
    public bool TryAddPeer(ReadOnlySpan<byte> publicKey, IWireGuardOutput output, [NotNullWhen(true)] out WireGuardPeer? peer)
    {
        ArgumentNullException.ThrowIfNull(output);
        peer = publicKey.Length == X25519.KeyLength && PeerKeys.TryCreate(Identity, publicKey, out var keys)
            ? new WireGuardPeer(this, keys, output)
            : null;
        return peer is not null;
    }

    internal HandshakeBudget NewBudget(int perSecond, int burst) => new(Times.Ticks(TimeSpan.FromSeconds(1.0 / perSecond)), burst);

    internal bool TryTakeHandshake(long now)
    {
        lock (_lock)
        {
            return _budget.TryTake(now);
        }
    }
}
