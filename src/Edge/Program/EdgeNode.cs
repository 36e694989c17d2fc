using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using ControlPlane;
using Edge.Admin;
using Edge.Derp;
using Edge.Drain;
using Edge.Hosting;
using Edge.InProcess;
using Edge.Listeners;
using Edge.LocalAgent;
using Edge.Proxy;
using Edge.Settings;
using Edge.TailnetNode;
using Edge.Telemetry;
using Relay.Derp;
using Relay.Streams;
using Relay.Stun;

namespace Edge.Program;

/// <summary>
/// A running node: the public, admin and API hosts of its mode. They start in the order of their dependencies, and stop in the
/// reverse order.
/// </summary>
internal sealed partial class EdgeNode : IAsyncDisposable
{
    // The part of the shutdown timeout after the drain of streams: for their last bytes, and for the embedded API server.
    private static readonly TimeSpan LastGrace = TimeSpan.FromSeconds(2);

    // The time for the last bytes of a relay's clients after all were closed. It is short, because the supervisor waits for the end
    // of the process to start it again.
    private static readonly TimeSpan RelayGrace = TimeSpan.FromMilliseconds(250);

    // How long the relay's clients should try to reconnect before they choose another relay (the frame Restarting).
    private static readonly TimeSpan ReconnectTime = TimeSpan.FromSeconds(5);

    // How often a relay without a mesh looks whether other connections than its clients' are still open.
    private static readonly TimeSpan DrainPollInterval = TimeSpan.FromMilliseconds(50);

    private readonly List<WebApplication> _started = [];
    private readonly Readiness _readiness = new();
    private readonly HostWatch _watch = new();
    private readonly HostFactory _hosts;
    private readonly NodeSettings _settings;
    private readonly string[] _warnings;
    private readonly DataDirectory _data;
    private readonly long _startedAt;
    private IDisposable? _socketClaim;
    private WebApplication? _api;
    private WebApplication? _public;
    private WebApplication? _admin;
    private LocalAgentConnection? _localAgent;
    private SettingsWatch? _settingsWatch;
    private Task? _stop;

    private EdgeNode(HostFactory hosts, NodeSettings settings, DataDirectory data)
    {
        _hosts = hosts;
        _warnings = [.. StartWarnings.For(settings)];
        var connections = settings.Connections;
        var maxConnections = DescriptorLimit.Fit(connections.MaxConnections, DescriptorLimit.Read(), settings.Options);
        _settings = settings with { Connections = connections with { MaxConnections = maxConnections } };
        _data = data;
        _startedAt = Stopwatch.GetTimestamp();
        _readiness.FailWith(() => _watch.Reason);
    }

    public EdgeOptions Options => _settings.Options;

    public DataDirectory Data => _data;

    /// <summary>The addresses of the public listeners, with their actual ports.</summary>
    public IReadOnlyList<string> PublicUrls => [.. _public!.Urls];

    /// <summary>The admin listener's address.</summary>
    public string AdminUrl => _admin!.Urls.First();

    /// <summary>The URL of this node for clients.</summary>
    public string PublicUrl => Options.PublicUrl?.GetLeftPart(UriPartial.Authority) ?? PublicUrls[0];

    /// <summary>Number of open streams.</summary>
    public int OpenStreams => _public?.Services.GetService<StreamRelay>()?.Count ?? 0;

    /// <summary>Whether the node has a DERP server.</summary>
    public bool ServesDerp => _settings.Derp.Serves;

    /// <summary>Whether the API server offers shells of this machine.</summary>
    public bool HasLocalAgent => _localAgent is not null;

    /// <summary>The addresses of the STUN server; empty without one.</summary>
    public IReadOnlyList<IPEndPoint> StunEndPoints => _public?.Services.GetService<StunServer>()?.EndPoints ?? [];

    /// <summary>The DERP server; null without one, and before the public host was created.</summary>
    public DerpServer? Relay => _public?.Services.GetService<DerpServer>();

    /// <summary>Completes when one of the hosts has failed. The node is not ready from then on, and should be stopped.</summary>
    public Task Failed => _watch.Failed;

    private RegionRelays? Relays => (_api ?? _public)?.Services.GetService<RegionRelays>();

    private DerpNode? Derp => _public?.Services.GetService<DerpNode>();

    /// <summary>The reason why the node is not ready; null when it is ready.</summary>
    public Task<string?> NotReadyReasonAsync() => _readiness.NotReadyReasonAsync();

    /// <summary>
    /// Whether the session token in <c>bootstrap.json</c> is valid. The file may have none, or one that was deleted or replaced, or
    /// one of another database.
    /// </summary>
    public bool HasSessionToken { get; private set; }

    /// <summary>Starts a node. After an exception nothing of it is left running.</summary>
    /// <exception cref="SettingsException">A setting is wrong.</exception>
    public static async Task<EdgeNode> StartAsync(HostFactory hosts, string workingDirectory, CancellationToken cancellation)
    {
        var settings = NodeSettings.Read(hosts.Configuration, workingDirectory);
        DescriptorLimit.Check(DescriptorLimit.Read(), settings.Options);
        var node = new EdgeNode(hosts, settings, DataDirectory.Open(settings.Options.DataDirectory));
        try
        {
            await node.StartHostsAsync(cancellation);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    private async Task StartHostsAsync(CancellationToken cancellation)
    {
        var bootstrap = new Bootstrap(_data);
        var token = await AdminToken.OpenAsync(_data, bootstrap, cancellation);
        _admin = AdminHost.Create(_hosts, Options, token, _readiness, StatusAsync, () => Relay, () => (_api ?? _public)?.Services);
        await StartAsync(_admin, "admin", "Edge:Admin:Url", cancellation);
        if (token.Replaced)
        {
            LogAdminTokenReplaced(_admin.Logger, _data.File(DataDirectory.AdminTokenFile), _data.BootstrapFile);
        }

        var listeners = new PublicListeners(_hosts.Configuration, _settings.Connections, _settings.Limits);
        _settings.Derp.CheckAdmission(listeners.EndPoints);
        if (_settings.LocalAgent.IsOn(Options, _data, listeners.EndPoints))
        {
            _localAgent = new LocalAgentConnection(_data, _settings.LocalAgent, _hosts.Time);
        }

        var inProcess = new InProcessApplication();
        if (Options.EmbedsApiServer)
        {
            _socketClaim = _data.ClaimApiSocket();
            _api = ApiHost.CreateEmbedded(_hosts, _data, Options.PublicUrl ?? listeners.First, _settings, _localAgent, inProcess);
            await ControlPlaneApplication.InitializeAsync(_api.Services, bootstrap.AddAsync, cancellation);

            // Before the backends' health, where a failure of the embedded API server shows only some seconds later.
            await DependOnStoreAsync(_api.Services, bootstrap);
            await StartAsync(_api, "API", "Edge:DataDirectory", cancellation);
        }

        if (Options.Mode is EdgeMode.Api)
        {
            _public = ApiHost.CreateAlone(_hosts, _data, Options.PublicUrl ?? listeners.First, _settings, listeners, _localAgent);
            await ControlPlaneApplication.InitializeAsync(_public.Services, bootstrap.AddAsync, cancellation);
            await DependOnStoreAsync(_public.Services, bootstrap);
        }
        else
        {
            var derpKey = _settings.Derp.Serves ? await DerpKeyFile.OpenAsync(_settings.Derp.KeyFile, _data, cancellation) : null;
            _public = PublicHost.Create(_hosts, _settings, _data, listeners, derpKey, inProcess);
            if (Options.Proxies)
            {
                var backends = _public.Services.GetRequiredService<BackendHealth>();
                _readiness.DependOn(() => Task.FromResult(backends.AnyHealthy() ? null : "no healthy backend"));
            }
        }

        await StartAsync(_public, Options.Mode is EdgeMode.Api ? "API" : "public", listeners.Setting, cancellation);
        Derp?.Start();
        if (Relays is { } relays)
        {
            relays.Start((_api ?? _public).Services.GetRequiredService<Tailnet.Peer.TailnetNode>(), Relay);
        }

        _readiness.Listening();
        var reloads = _public.Services.GetRequiredService<ReloadMetrics>();
        _settingsWatch = new SettingsWatch(_hosts.Configuration, Options.HasReverseProxySection, reloads, _public.Logger);
        foreach (var warning in _warnings)
        {
            LogWarning(_public.Logger, warning);
        }
    }

    private async Task StartAsync(WebApplication host, string name, string setting, CancellationToken cancellation)
    {
        _started.Add(host);
        try
        {
            await _watch.StartAsync(host, name, cancellation);
        }
        catch (Exception error) when (error is IOException or SocketException or UnauthorizedAccessException or CryptographicException
            or InvalidOperationException or FormatException or ArgumentException)
        {
            // Addresses in use, unreadable certificates and the like, which Kestrel notices only at its start.
            throw new SettingsException(setting, null, error.Message);
        }
    }

    /// <summary>
    /// Drains and stops the node:
    /// 1. The node is not ready, but still accepts connections for <c>Edge:DrainDelay</c>.
    /// 2. It accepts no more connections. Running requests finish and streams are asked to end, within <c>Edge:ShutdownTimeout</c>.
    /// A relay's clients move to the other servers of its mesh meanwhile. Without a mesh they stay until nothing else runs, and are
    /// closed together.
    /// 3. The embedded API server and the admin host stop.
    /// </summary>
    public Task StopAsync() => _stop ??= StopHostsAsync();

    private async Task StopHostsAsync()
    {
        _watch.StopIsAsked();
        _readiness.Draining();
        Relays?.Stopping();
        if (Options.DrainDelay > TimeSpan.Zero)
        {
            await Task.Delay(Options.DrainDelay, _hosts.Time);
        }

        using var deadline = new CancellationTokenSource(Options.ShutdownTimeout, _hosts.Time);
        if (_public is not null)
        {
            // The connections of streams end with the streams, so the host and the streams stop at the same time.
            var window = Options.ShutdownTimeout - LastGrace;
            var streams = DrainStreamsAsync(window > TimeSpan.Zero ? window : TimeSpan.Zero, deadline);
            await _watch.StopAsync(_public, deadline.Token);
            await streams;
            await (Derp?.StopAsync() ?? Task.CompletedTask);
            await _public.Services.GetRequiredService<EdgeConnections>().Detached.EndAsync(deadline.Token);
        }

        using var grace = new CancellationTokenSource(LastGrace, _hosts.Time);
        await _watch.StopAsync(_api, grace.Token);
        await _watch.StopAsync(_admin, grace.Token);
    }

    private Task DrainStreamsAsync(TimeSpan window, CancellationTokenSource deadline)
    {
        var streams = _public!.Services.GetService<StreamRelay>()?.DrainAsync(window, deadline.Token) ?? Task.CompletedTask;
        return Relay is { } derp ? Task.WhenAll(streams, DrainRelayAsync(derp, window, deadline)) : streams;
    }

    private async Task DrainRelayAsync(DerpServer derp, TimeSpan window, CancellationTokenSource deadline)
    {
        var start = _hosts.Time.GetTimestamp();
        var connections = _public!.Services.GetRequiredService<EdgeConnections>().Counter;

        // Clients of a relay without a mesh have no connection from their close until its process is back. That time must not
        // include the end of streams and requests.
        while (Options.Proxies
            && !derp.HasMeshMember
            && derp.Connections is > 0 and var clients
            && connections.Total > clients
            && _hosts.Time.GetElapsedTime(start) < window
            && !deadline.IsCancellationRequested)
        {
            await Task.Delay(DrainPollInterval, _hosts.Time, deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Clients that know this frame reconnect at once; the others reconnect when they are closed.
        derp.SendRestarting(TimeSpan.Zero, ReconnectTime);
        var left = window - _hosts.Time.GetElapsedTime(start);
        await derp.DrainAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, deadline.Token);
        if (Options.Mode is EdgeMode.Relay)
        {
            deadline.CancelAfter(RelayGrace);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _watch.StopIsAsked();
        _settingsWatch?.Dispose();
        foreach (var host in Enumerable.Reverse(_started))
        {
            // The host has stopped already, unless the start failed half-way.
            await host.StopAsync(new CancellationToken(canceled: true));
            await host.DisposeAsync();
        }

        _localAgent?.Dispose();
        _socketClaim?.Dispose();
    }

    private async Task DependOnStoreAsync(IServiceProvider api, Bootstrap bootstrap)
    {
        _readiness.DependOn(() => ControlPlaneApplication.FaultAsync(api));
        HasSessionToken = bootstrap.SessionToken is { } token && await ControlPlaneApplication.AcceptsAsync(api, token);
    }

    private async Task<NodeStatus> StatusAsync() => new(
        EdgeVersion.Text,
        Options.Mode.ToString().ToLowerInvariant(),
        await NotReadyReasonAsync() ?? "ready",
        (long)Stopwatch.GetElapsedTime(_startedAt).TotalSeconds,
        OpenStreams,
        [.. (_public?.Services.GetService<BackendHealth>()?.All ?? [])
            .Select(static backend => new BackendStatus(backend.Cluster, backend.Destination, backend.Healthy))],
        Derp?.Links ?? [],
        Relays?.Status());

    [LoggerMessage(
        EventId = 1039, Level = LogLevel.Warning,
        Message = "{File} has no hash of a token, so a new admin token was made; the old one is no longer valid. "
            + "The new one is in {BootstrapFile}")]
    private static partial void LogAdminTokenReplaced(ILogger logger, string file, string bootstrapFile);

    [LoggerMessage(EventId = 1040, Level = LogLevel.Warning, Message = "{Warning}")]
    private static partial void LogWarning(ILogger logger, string warning);
}
