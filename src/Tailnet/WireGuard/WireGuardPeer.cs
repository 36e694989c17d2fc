using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// One peer of a node: its sessions and handshakes (wireguard.md §3, §4). It has no thread and no timer: the owner passes messages and
/// packets to it, and calls <see cref="Tick"/> at <see cref="NextDeadline"/>. Not for concurrent use.
/// </summary>
/// <remarks>
/// <para>Outgoing packets: <see cref="Send"/> encrypts a packet in place in the current session. Without a session a copy waits, and a
/// handshake begins.</para>
/// <para>Incoming messages: <see cref="Receive(Span{byte}, out Span{byte})"/> decrypts a transport message in place and returns the
/// packet. It answers handshake messages by <see cref="IWireGuardOutput.Send"/>.</para>
/// <para>Every method may send messages through the output. The properties send none.</para>
/// </remarks>
public sealed partial class WireGuardPeer : IDisposable
{
    /// <summary>The longest packet, in bytes.</summary>
    public const int Mtu = TransportMessage.Mtu;

    /// <summary>The length of the header in front of a packet, in bytes.</summary>
    public const int HeaderLength = TransportMessage.HeaderLength;

    // A timestamp long ago. Sums and differences with it do not overflow.
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
    private long _initiationReceivedAt = LongAgo;
    private long _respondedAt = LongAgo;
    private long _readyAt = LongAgo;
    private int _sessionCount;
    private bool _needsAnotherKeepAlive;
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

    /// <summary>Whether there is a session in which packets can be sent.</summary>
    public bool IsUp => CanSend(_slots.Current, _times.Now);

    /// <summary>Whether a handshake is in progress.</summary>
    public bool IsShaking => _tries.IsRunning;

    /// <summary>The timestamp of the clock at which the last handshake finished; null for never.</summary>
    public long? LastHandshake { get; private set; }

    /// <summary>Packets that waited for a session and were dropped.</summary>
    public long DroppedFromQueue => _queue.Dropped;

    /// <summary>
    /// Whether a persistent keep-alive is sent after 25 s without a packet in either direction. The keep-alives also cause rekeys, so the
    /// session does not expire.
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

    /// <summary>The minimum length of a buffer for <see cref="Send"/>, in bytes.</summary>
    /// <param name="packet">The length of the packet in bytes.</param>
    public static int BufferLength(int packet) => TransportMessage.LengthFor(packet);

    /// <summary>Discards all state and wipes all keys.</summary>
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
