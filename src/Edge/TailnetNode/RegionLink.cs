using ControlPlane.Hosting;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using PeerKey = Tailnet.Peer.NodeKey;

namespace Edge.TailnetNode;

/// <summary>
/// This node's connection to the relay of one region, which reconnects until it is disposed. Packets that arrive while it is not connected
/// are refused: TCP and the handshake repeat them.
/// </summary>
internal sealed partial class RegionLink : IDerpClientHandler, IAsyncDisposable
{
    // magicsock's DERP clients wait so long between two attempts.
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    // No message between peers is longer; longer packets of strangers are dropped by WireGuard too.
    private const int MaxMessage = 64 * 1024;

    private readonly RegionRelays _relays;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private byte[] _message = new byte[2048];
    private volatile DerpClient? _client;
    private volatile bool _isHome;
    private string? _lastReason;

    public RegionLink(int region, bool isHome, RegionRelays relays, TimeProvider time, ILogger logger)
    {
        (Region, _isHome, _relays, _time, _logger) = (region, isHome, relays, time, logger);
        LastUsed = DownSince = time.GetTimestamp();
        _run = Task.Run(() => BackgroundLoop.RunAsync(nameof(RegionLink), RunAsync, time, logger, _stop.Token));
    }

    /// <summary>The region.</summary>
    public int Region { get; }

    /// <summary>Whether the relay has admitted this node, and the connection stands.</summary>
    public bool IsConnected => _client is { IsConnected: true };

    /// <summary>The timestamp of the last packet to the relay.</summary>
    public long LastUsed { get; private set; }

    /// <summary>The timestamp since which there has been no connection; 0 while there is one.</summary>
    public long DownSince { get; private set; }

    /// <summary>Whether packets wait for <see cref="Flush"/>.</summary>
    public bool IsFlushDue { get; private set; }

    /// <summary>Sets whether this is the home relay, and tells the relay.</summary>
    public void SetHome(bool isHome)
    {
        _isHome = isHome;
        _client?.NotePreferred(isHome);
    }

    /// <summary>Sends a packet; false when there is no connection, or its output is full.</summary>
    public bool TrySend(in PeerKey destination, ReadOnlySpan<byte> message)
    {
        LastUsed = _time.GetTimestamp();
        if (_client is not { } client)
        {
            return false;
        }

        Span<byte> key = stackalloc byte[NodeKey.Length];
        destination.Write(key);
        var accepted = client.TrySend(new NodeKey(key), message);
        IsFlushDue |= accepted;
        return accepted;
    }

    public void Flush()
    {
        IsFlushDue = false;
        _client?.Flush();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    void IDerpClientHandler.OnConnected()
    {
        (DownSince, _lastReason) = (0, null);
        _client?.NotePreferred(_isHome);
        _relays.OnConnected(this);
    }

    void IDerpClientHandler.OnPacket(in NodeKey source, ReadOnlySpan<byte> packet)
    {
        if (packet.Length > MaxMessage)
        {
            return;
        }

        if (_message.Length < packet.Length)
        {
            _message = new byte[MaxMessage];
        }

        Span<byte> key = stackalloc byte[NodeKey.Length];
        source.CopyTo(key);
        packet.CopyTo(_message);
        _relays.Receive(Region, PeerKey.Read(key), _message.AsSpan(0, packet.Length));
    }

    void IDerpClientHandler.OnBatchEnd() => _relays.EndOfBatch();

    /// <summary>Does nothing. The agent may have reconnected to the relay already, and TCP repeats what was lost.</summary>
    void IDerpClientHandler.OnPeerGone(in NodeKey key, PeerGoneReason reason)
    {
    }

    void IDerpClientHandler.OnHealth(string text)
    {
        if (text.Length > 0)
        {
            LogHealth(Region, text);
        }
    }

    /// <summary>Does nothing: the link reconnects as soon as the relay closes the connection.</summary>
    void IDerpClientHandler.OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor)
    {
    }

    private async Task RunAsync(CancellationToken stop)
    {
        var wait = FirstWait;
        while (!stop.IsCancellationRequested)
        {
            var (reason, wasConnected) = await ConnectAsync(stop);
            _client = null;
            DownSince = DownSince == 0 ? _time.GetTimestamp() : DownSince;
            if (stop.IsCancellationRequested)
            {
                return;
            }

            if (_relays.IsLogged && _lastReason != reason)
            {
                _lastReason = reason;
                LogDown(Region, reason);
            }

            wait = wasConnected ? FirstWait : wait;
            await Task.Delay(wait, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        }
    }

    /// <summary>Runs one connection. Returns why it ended, and whether the relay had admitted this node.</summary>
    private async Task<(string Reason, bool WasConnected)> ConnectAsync(CancellationToken stop)
    {
        if (_relays.EmbeddedRelayOf(Region) is { } server)
        {
            var local = new InProcessDerp(server, _relays.Key, this, _relays.Heartbeat);
            _client = local.Client;
            return ((await local.RunAsync(stop)).Label(), DownSince == 0);
        }

        RelayConnection connection;
        try
        {
            connection = await _relays.DialAsync(Region, stop);
        }
        catch (IOException error)
        {
            return (error.Message, false);
        }

        await using (connection)
        {
            var client = new DerpClient(connection.Transport, _relays.Key, this, _relays.Heartbeat);
            _client = client;
            return ((await client.RunAsync(stop)).Label(), DownSince == 0);
        }
    }

    [LoggerMessage(
        EventId = 1060, Level = LogLevel.Warning, Message = "The tailnet node has no connection to the relay of region {Region}: {Why}")]
    private partial void LogDown(int region, string why);

    [LoggerMessage(
        EventId = 1061, Level = LogLevel.Warning, Message = "The relay of region {Region} reports a problem of the tailnet node: {Text}")]
    private partial void LogHealth(int region, string text);
}
