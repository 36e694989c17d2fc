using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// One peer of a node: its sessions, and the handshakes that make them (wireguard.md §3 and §4). It has no thread and no timer: the owner
/// gives it messages and packets, and calls <see cref="Tick"/> at <see cref="NextDeadline"/>. Not for concurrent use.
/// </summary>
/// <remarks>
/// <para>The way of a packet out: <see cref="Send"/> seals it in place in the current session. Without a session a copy waits, and a
/// handshake begins.</para>
/// <para>The way of a message in: <see cref="Receive(Span{byte}, out Span{byte})"/> opens a transport message in place and returns the
/// packet. It answers messages of handshakes by <see cref="IWireGuardOutput.Send"/>.</para>
/// <para>Any call but the properties may hand messages to the output.</para>
/// </remarks>
public sealed partial class WireGuardPeer : IDisposable
{
    /// <summary>The longest packet, in bytes.</summary>
    public const int Mtu = TransportMessage.Mtu;

    /// <summary>Bytes of room in front of a packet.</summary>
    public const int HeaderLength = TransportMessage.HeaderLength;

    // Long ago, but not so long that a sum or difference with it overflows.
    private const long LongAgo = long.MinValue / 4;

    private readonly WireGuardNode _node;
    private readonly WireGuardTimes _times;
    private readonly PeerKeys _keys;
    private readonly IWireGuardOutput _output;
    private readonly HandshakeMacs _macs;
    private readonly SessionSlots _slots;
    private readonly PacketQueue _queue;
    private readonly InitiatorHalf _initiator = new();
    private readonly PeerTimers _timers = new();
    private readonly byte[] _lastTimestamp = new byte[HandshakeClock.TimestampLength];
    private HandshakeTries _tries;
    private HandshakeBudget _budget;
    private long _lastOwnTimestamp;
    private long _initiatedAt = LongAgo;
    private long _askedAt = LongAgo;
    private long _respondedAt = LongAgo;
    private long _readyAt = LongAgo;
    private int _sessionCount;
    private bool _owesAnotherKeepAlive;
    private bool _isDisposed;

    internal WireGuardPeer(WireGuardNode node, PeerKeys keys, IWireGuardOutput output)
    {
        var options = node.Options;
        (_node, _times, _keys, _output) = (node, node.Times, keys, output);
        _macs = new HandshakeMacs(keys, _times);
        _slots = new SessionSlots(node.Indices);
        _queue = new PacketQueue(options.MaxQueuedPackets, options.MaxQueuedBytes);
        _budget = node.NewBudget(options.HandshakesPerSecond, options.HandshakeBurst);
    }

    /// <summary>The peer's public key, 32 bytes.</summary>
    public ReadOnlySpan<byte> PublicKey => _keys.PublicKey;

    /// <summary>Whether there is a session to send with.</summary>
    public bool IsUp => CanSend(_slots.Current, _times.Now);

    /// <summary>Whether a handshake is being tried.</summary>
    public bool IsShaking => _tries.IsRunning;

    /// <summary>When the last handshake was finished, as a timestamp of the clock; null for never.</summary>
    public long? LastHandshake { get; private set; }

    /// <summary>Packets that waited for a session and were dropped.</summary>
    public long DroppedFromQueue => _queue.Dropped;

    /// <summary>
    /// Whether an empty packet is sent when none went either way for 25 s, so that the session is renewed as long as it is wanted.
    /// </summary>
    public bool KeepsAlive
    {
        get;
        set
        {
            if (field != value)
            {
                field = value;
                RestartPersistent(_times.Now);
            }
        }
    }

    /// <summary>The bytes that a buffer for <see cref="Send"/> has at least.</summary>
    /// <param name="packet">Bytes of the packet.</param>
    public static int BufferLength(int packet) => TransportMessage.LengthFor(packet);

    /// <summary>Forgets everything and wipes all keys.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            ForgetInitiation();
            _initiator.Dispose();
            _slots.Dispose();
            _macs.Dispose();
            _keys.Dispose();
            _queue.Clear();
        }
    }

    private bool CanSend(Session? session, long now) =>
        session is not null && now - session.CreatedAt < _times.RejectAfter && !session.IsUsedUp;
}
