using System.Diagnostics;
using System.Diagnostics.Metrics;
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
using Edge.Telemetry;
using Relay.Derp;
using Relay.Streams;
using Relay.Stun;

namespace Edge.Program;

/// <summary>
/// One running node: the public, admin and API hosts that its mode asks for, started in the order in which they need each
/// other and stopped in the reverse.
/// </summary>
internal sealed partial class EdgeNode : IAsyncDisposable
{
    // What is left of the time once streams were told to end, for their last bytes and for the embedded API server.
    private static readonly TimeSpan LastGrace = TimeSpan.FromSeconds(2);

    // For the last bytes of a relay's clients once all were closed, and for whatever else is connected to it. Its supervisor waits to start
    // it again.
    private static readonly TimeSpan RelayGrace = TimeSpan.FromMilliseconds(250);

    // How long clients of the relay should try to come back before they look for another one (the frame Restarting).
    private static readonly TimeSpan RelayReturn = TimeSpan.FromSeconds(5);

    // How often a relay that is alone looks whether anything but its clients is still connected.
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(50);

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
    private StunServer? _stun;
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

    /// <summary>The public listeners' addresses, with the ports that they got.</summary>
    public IReadOnlyList<string> PublicUrls => [.. _public!.Urls];

    /// <summary>The admin listener's address.</summary>
    public string AdminUrl => _admin!.Urls.First();

    /// <summary>What clients call this node.</summary>
    public string PublicUrl => Options.PublicUrl?.GetLeftPart(UriPartial.Authority) ?? PublicUrls[0];

    /// <summary>Streams that are carried now.</summary>
    public int OpenStreams => _public?.Services.GetService<StreamRelay>()?.Count ?? 0;

    /// <summary>Whether DERP ends in this node.</summary>
    public bool ServesDerp => _settings.Derp.Serves;

    /// <summary>Whether the API server gives shells of this machine.</summary>
    public bool HasLocalAgent => _localAgent is not null;

    /// <summary>Where STUN answers; empty when it does not.</summary>
    public IReadOnlyList<IPEndPoint> StunEndPoints => _stun?.EndPoints ?? [];

    /// <summary>The DERP server, while there is one.</summary>
    public DerpServer? Relay => _public?.Services.GetService<DerpServer>();

    /// <summary>Completes when one of the hosts has failed: the node is not ready from then on, and is to be stopped.</summary>
    public Task Failed => _watch.Failed;

    private DerpNode? Derp => _public?.Services.GetService<DerpNode>();

    /// <summary>Why the node is not ready, or null.</summary>
    public Task<string?> NotReadyReasonAsync() => _readiness.NotReadyReasonAsync();

    /// <summary>
    /// Whether the session token in <c>bootstrap.json</c> lets in: it may be none, of another database, deleted or replaced.
    /// </summary>
    public bool HasSessionToken { get; private set; }

    /// <summary>
    /// Starts a node. Throws <see cref="SettingsException"/> for a setting that is wrong; nothing is left running then.
    /// </summary>
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

            // Before the backends' health, where that of the embedded API server follows some seconds later.
            await UseStoreAsync(_api.Services, bootstrap);
            await StartAsync(_api, "API", "Edge:DataDirectory", cancellation);
        }

        if (Options.Mode is EdgeMode.Api)
        {
            _public = ApiHost.CreateAlone(_hosts, _data, Options.PublicUrl ?? listeners.First, _settings, listeners, _localAgent);
            await ControlPlaneApplication.InitializeAsync(_public.Services, bootstrap.AddAsync, cancellation);
            await UseStoreAsync(_public.Services, bootstrap);
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
        StartStun(listeners);
        Derp?.Start();
        _readiness.Listening();
        _settingsWatch = new SettingsWatch(
            _hosts.Configuration, Options.HasReverseProxySection, _public.Services.GetRequiredService<ReloadMetrics>(), _public.Logger);
        foreach (var warning in _warnings)
        {
            LogWarning(_public.Logger, warning);
        }
    }

    private void StartStun(PublicListeners listeners)
    {
        if (!_settings.Derp.Stun)
        {
            return;
        }

        IPEndPoint[] addresses =
        [
            .. listeners.EndPoints.Select(static listener => listener?.Address ?? IPAddress.IPv6Any).Distinct()
                .Select(address => new IPEndPoint(address, _settings.Derp.StunPort)),
        ];
        try
        {
            _stun = new StunServer(addresses);
        }
        catch (SocketException error)
        {
            throw new SettingsException(
                "Relay:Stun:Port",
                null,
                $"UDP {string.Join(", ", addresses.AsEnumerable())} cannot be bound ({error.Message}); "
                + "choose another port, or set Relay:Stun:Enabled=false");
        }

        _ = new StunMetrics(_public!.Services.GetRequiredService<IMeterFactory>(), _stun);
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
            // An address in use, a certificate that cannot be read: what servers find out only when they start.
            throw new SettingsException(setting, null, error.Message);
        }
    }

    /// <summary>
    /// Drains and stops the node: not ready at once, still accepting for <c>Edge:DrainDelay</c>, then no new connections while
    /// running requests finish and streams are told to go, within <c>Edge:ShutdownTimeout</c>; the API server last. A relay's clients go over
    /// that time to the other servers of its mesh; where there is none, they stay until nothing else runs, and are closed together.
    /// </summary>
    public Task StopAsync() => _stop ??= StopHostsAsync();

    private async Task StopHostsAsync()
    {
        _watch.StopIsAsked();
        _readiness.Draining();
        if (Options.DrainDelay > TimeSpan.Zero)
        {
            await Task.Delay(Options.DrainDelay, _hosts.Time);
        }

        using var deadline = new CancellationTokenSource(Options.ShutdownTimeout, _hosts.Time);
        if (_public is not null)
        {
            // Connections end when their streams do, so that the two go on at the same time.
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

        // Alone, a relay is missed from its clients' close until its process is back: that must not wait for streams and requests.
        while (Options.Proxies && !derp.HasMeshMember && derp.Connections is > 0 and var clients && connections.Total > clients
            && _hosts.Time.GetElapsedTime(start) < window && !deadline.IsCancellationRequested)
        {
            await Task.Delay(LookPeriod, _hosts.Time, deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Clients that heed it know that they may return at once; the others return when they are closed.
        derp.SendRestarting(TimeSpan.Zero, RelayReturn);
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
        _stun?.Dispose();
        foreach (var host in Enumerable.Reverse(_started))
        {
            // Stopped already, unless the start failed half-way.
            await host.StopAsync(new CancellationToken(canceled: true));
            await host.DisposeAsync();
        }

        _localAgent?.Dispose();
        _socketClaim?.Dispose();
    }

    private async Task UseStoreAsync(IServiceProvider api, Bootstrap bootstrap)
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
        Derp?.Links ?? []);

    [LoggerMessage(
        EventId = 1039, Level = LogLevel.Warning,
        Message = "{File} held no token's hash, so a new admin token was made; the old one is no longer valid, the new one is in {BootstrapFile}")]
    private static partial void LogAdminTokenReplaced(ILogger logger, string file, string bootstrapFile);

    [LoggerMessage(EventId = 1040, Level = LogLevel.Warning, Message = "{Warning}")]
    private static partial void LogWarning(ILogger logger, string warning);
}
