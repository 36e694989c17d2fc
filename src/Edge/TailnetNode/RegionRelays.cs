using System.Collections.Concurrent;
using ControlPlane.Hosting;
using Edge.Admin;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Tailnet.Peer;
using Tailnet.Services;
using Node = Tailnet.Peer.TailnetNode;
using PeerKey = Tailnet.Peer.NodeKey;
using Region = Tailnet.Messages.DERPMap.Types.Region;

namespace Edge.TailnetNode;

/// <summary>
/// The relays of the DERP map, as the tailnet node uses them: the home relay from the first dial on, and the relays of agents' regions as
/// long as packets go there. The relay of this process is reached without a socket.
/// </summary>
/// <remarks>The stack calls <see cref="IRelayOutput"/> under its lock, so one call at a time.</remarks>
internal sealed partial class RegionRelays : IRelayOutput, IAsyncDisposable
{
    // magicsock closes a connection to a region that is not its home after a minute without packets, and looks every 15 s.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    private const int MaxStatusAgents = 1000;

    private readonly ConcurrentDictionary<int, RegionLink> _links = new();
    private readonly List<RegionLink> _unflushed = [];
    private readonly DerpMapPublisher _maps;
    private readonly TailnetNodeSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<RegionRelays> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _isNeeded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HomeChoice _choice;
    private Node? _node;
    private DerpServer? _embedded;
    private Task _run = Task.CompletedTask;
    private volatile int _home;
    private volatile bool _isStopping;

    public RegionRelays(
        NodePrivateKey key,
        DerpMapPublisher maps,
        TailnetNodeSettings settings,
        TimeProvider time,
        ILogger<RegionRelays> logger)
    {
        (Key, _maps, _settings, _time, _logger) = (key, maps, settings, time, logger);
        Heartbeat = new DerpClientHeartbeat(time, logger);
        _choice = new HomeChoice(this, settings, time);
    }

    /// <summary>The node's key, with which it logs in at relays.</summary>
    public NodePrivateKey Key { get; }

    /// <summary>The timer of the connections.</summary>
    public DerpClientHeartbeat Heartbeat { get; }

    /// <summary>The home region; 0 before the first.</summary>
    public int Home => _home;

    /// <summary>The regions with a connection.</summary>
    public IReadOnlyList<int> Connected => [.. _links.Values.Where(static link => link.IsConnected).Select(static link => link.Region)];

    /// <summary>The regions of the current map that relay packets, by id.</summary>
    public IReadOnlyDictionary<int, Region> Regions => _maps.Current.Regions
        .Where(static region => region.Value.Nodes.Any(static node => !node.StunOnly))
        .ToDictionary(static region => (int)region.Key, static region => region.Value);

    /// <summary>The node's state for the operator.</summary>
    public TailnetStatus Status() => new(
        Home,
        Connected,
        [
            .. (_node?.Paths() ?? [])
                .OrderByDescending(static agent => agent.Path.Connections)
                .Take(MaxStatusAgents)
                .Select(static agent => new AgentStatus(
                    agent.Agent,
                    TailnetNodeMetrics.LabelOf(agent.Path.State),
                    agent.Path.HomeRegion,
                    agent.Path.LastHandshake,
                    agent.Path.RoundTrip?.TotalMilliseconds,
                    agent.Path.Connections)),
        ]);

    /// <summary>Starts, once the relay of this process can be used.</summary>
    /// <param name="node">Receives the packets.</param>
    /// <param name="embedded">The relay of this process; null without one.</param>
    public void Start(Node node, DerpServer? embedded)
    {
        (_node, _embedded) = (node, embedded);
        _run = BackgroundLoop.RunAsync(nameof(RegionRelays), RunAsync, _time, _logger, _stop.Token);
    }

    /// <summary>The process stops: connections that end from now on are not worth a log line.</summary>
    public void Stopping() => _isStopping = true;

    /// <inheritdoc/>
    public void ConnectHome() => _isNeeded.TrySetResult();

    /// <inheritdoc/>
    public bool TrySend(in PeerKey destination, int region, ReadOnlySpan<byte> message)
    {
        if (!_links.TryGetValue(region, out var link))
        {
            if (_isStopping || !Regions.ContainsKey(region))
            {
                return false;
            }

            link = Open(region);
        }

        if (!link.TrySend(destination, message))
        {
            return false;
        }

        if (!_unflushed.Contains(link))
        {
            _unflushed.Add(link);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Flush()
    {
        foreach (var link in _unflushed)
        {
            link.Flush();
        }

        _unflushed.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        await _stop.CancelAsync();
        await _run;
        foreach (var link in _links.Values)
        {
            await link.DisposeAsync();
        }

        Heartbeat.Dispose();
        _stop.Dispose();
    }

    /// <summary>The relay of this process, if it is the region's; else null.</summary>
    internal DerpServer? EmbeddedRelayOf(int region) =>
        _embedded is not null && Regions.TryGetValue(region, out var found) && found.EmbeddedRelay ? _embedded : null;

    /// <summary>Whether the relay of a region has admitted this node.</summary>
    internal bool IsConnected(int region) => _links.TryGetValue(region, out var link) && link.IsConnected;

    /// <summary>How long a region that is used has had no connection; null while it has one, and for a region that is not used.</summary>
    internal TimeSpan? TimeWithoutConnection(int region) =>
        _links.TryGetValue(region, out var link) && link.DownSince is var since and not 0 ? _time.GetElapsedTime(since) : null;

    /// <summary>Whether connections that end are worth a log line.</summary>
    internal bool IsLogged => !_isStopping;

    /// <summary>Connects to the first relay of a region that answers.</summary>
    /// <exception cref="IOException">No relay answers, or the map does not have the region.</exception>
    internal async Task<RelayConnection> DialAsync(int region, CancellationToken cancellation)
    {
        IOException? failure = null;
        if (Regions.TryGetValue(region, out var found))
        {
            foreach (var relay in found.Nodes.Where(static node => !node.StunOnly))
            {
                try
                {
                    var target = RelayTargets.For(relay, _settings.Tokens.GetValueOrDefault(region));
                    return await RelayConnection.OpenAsync(target, _time, cancellation);
                }
                catch (IOException error)
                {
                    failure = error;
                }
            }
        }

        throw failure ?? new IOException("the DERP map does not have the region");
    }

    internal void OnConnected(RegionLink link)
    {
        LogUp(link.Region);
        if (link.Region == _home)
        {
            _node!.SetHome(_home);
        }

        _node!.RelayIsUp(link.Region);
    }

    internal void Receive(int region, in PeerKey source, Span<byte> message) => _node!.Receive(region, source, message);

    internal void EndOfBatch() => _node!.EndOfBatch();

    private RegionLink Open(int region) => _links.GetOrAdd(
        region, static (id, relays) => new RegionLink(id, id == relays._home, relays, relays._time, relays._logger), this);

    /// <summary>Chooses the home at the first dial, keeps a home that works, and closes idle connections.</summary>
    private async Task RunAsync(CancellationToken stop)
    {
        await _isNeeded.Task.WaitAsync(stop);
        while (true)
        {
            var home = await _choice.ChooseAsync(_home, stop);
            if (home > 0 && home != _home)
            {
                MoveTo(home);
            }

            await CloseIdleAsync();
            await Task.Delay(CheckInterval, _time, stop);
        }
    }

    private void MoveTo(int home)
    {
        var old = _home;
        _home = home;
        if (_links.TryGetValue(old, out var left))
        {
            left.SetHome(false);
        }

        var link = Open(home);
        link.SetHome(true);
        if (link.IsConnected)
        {
            _node!.SetHome(home);
        }
    }

    private async Task CloseIdleAsync()
    {
        var preferred = _choice.Preferred(Regions);
        foreach (var link in _links.Values)
        {
            var isIdle = link.Region != _home && link.Region != preferred && _time.GetElapsedTime(link.LastUsed) > IdleTime;
            if (isIdle && _links.TryRemove(link.Region, out var idle))
            {
                await idle.DisposeAsync();
            }
        }
    }

    [LoggerMessage(
        EventId = 1062, Level = LogLevel.Information, Message = "The tailnet node is connected to the relay of region {Region}")]
    private partial void LogUp(int region);
}
