using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;

namespace ControlPlane;

/// <summary>What the embedded API server needs to know. Every limit and timeout of this assembly is here.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>The directory that holds the database <c>edge.db</c>, unless there is another; it exists and only its owner can enter it.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>
    /// The version reported by <c>buildinfo</c> and by <c>X-Coder-Build-Version</c>, a semantic version with a leading <c>v</c>.
    /// Default: this assembly's own.
    /// </summary>
    public string Version { get; init; } = BuildVersion.OfThisAssembly;

    /// <summary>What clients call this deployment; reported by <c>buildinfo</c> as <c>dashboard_url</c>, left out when null.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>Where the release of this build is described; reported by <c>buildinfo</c> as <c>external_url</c>, left out when null.</summary>
    public Uri? ReleaseUrl { get; init; }

    /// <summary>
    /// The agent API's version (<c>2.N</c>, tailnet.md §3.5) that <c>buildinfo</c> reports. Default: what <c>me/rpc</c> serves.
    /// </summary>
    public string? AgentApiVersion { get; init; } = ApiVersion.Current;

    /// <summary>Where relays are.</summary>
    public DerpMapOptions DerpMap { get; init; } = new();

    /// <summary>What the host names of workspaces end with for clients that resolve them (<c>hostname_suffix</c>); empty: none. Default <c>coder</c>.</summary>
    public string HostnameSuffix { get; init; } = "coder";

    /// <summary>How often a relay is probed. Default 5 s.</summary>
    public TimeSpan RelayProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a relay may take to answer a probe. Default 3 s.</summary>
    public TimeSpan RelayProbeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a relay's probes must fail before it leaves the map, and succeed before it returns. Default 30 s.</summary>
    public TimeSpan RelayHealthPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How often the store is compared for those who watch a user's workspaces, without being woken: another process may write to it.
    /// Default 15 s.
    /// </summary>
    public TimeSpan WorkspaceRecheck { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a key signs resume tokens before the next one does. Tokens signed before stay good for their own 24 h. Default 30 days.
    /// </summary>
    public TimeSpan ResumeKeyLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The longest request body read, in bytes; longer ones are 413. Default 4 MiB.</summary>
    public int MaxRequestBodyBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>How much log output one agent may store, in bytes of UTF-8 as sent (tailnet.md §1.3-13). Default 1,048,576.</summary>
    public long MaxLogBytesPerAgent { get; init; } = 1_048_576;

    /// <summary>
    /// How many log lines one agent may store: empty lines cost no bytes of <see cref="MaxLogBytesPerAgent"/>, but they fill the disk.
    /// Reached, it is the same overflow. Default 262,144.
    /// </summary>
    public long MaxLogLinesPerAgent { get; init; } = 262_144;

    /// <summary>How many log sources one agent may create; more are 413. Default 1,024.</summary>
    public int MaxLogSourcesPerAgent { get; init; } = 1_024;

    /// <summary>How many answers with logs are written to one user at once; more are 429. Default 16.</summary>
    public int MaxLogAnswersPerUser { get; init; } = 16;

    /// <summary>The longest WebSocket message of a followed log, in bytes; the Go client's read limit (tailnet.md §1.4). Default 32,768.</summary>
    public int MaxFollowMessageBytes { get; init; } = 32_768;

    /// <summary>How often a follower looks at the store without being woken: another process may write to it. Default 60 s.</summary>
    public TimeSpan FollowRecheck { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often the server pings a WebSocket. Default 15 s.</summary>
    public TimeSpan WebSocketPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a pong may take before the WebSocket counts as dead. Default 15 s.</summary>
    public TimeSpan WebSocketPongTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The same for <c>GET /derp-map</c> (tailnet.md §4). Default 30 s.</summary>
    public TimeSpan DerpMapPongTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a closing WebSocket may take to send what it is sending, and its peer to answer the close. Default 5 s.</summary>
    public TimeSpan WebSocketCloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long after its last sign of life a connected agent counts as disconnected. Default 30 s.</summary>
    public TimeSpan AgentInactiveTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often an agent's connection is pinged, and its last sign of life stored. Default 15 s.</summary>
    public TimeSpan AgentPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an agent may leave a ping unanswered before its connection is closed. Default 30 s.</summary>
    public TimeSpan AgentPongTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How the agent of the first start is asked for shells, ports and containers of this machine; null when it is not. Default null.</summary>
    public IAgentConnection? LocalAgent { get; init; }

    /// <summary>How long an agent may take to answer; longer is 408. Default 30 s.</summary>
    public TimeSpan AgentCallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest JSON object of a terminal's input, in bytes; a longer one closes with 1009. Default 1 MiB.</summary>
    public int MaxTerminalInputBytes { get; init; } = 1024 * 1024;

    /// <summary>The longest <c>command</c> of a terminal, in characters; a longer one is 400. Default 4,096.</summary>
    public int MaxTerminalCommandLength { get; init; } = 4_096;

    /// <summary>How often agents are told to report statistics. Default 5 min.</summary>
    public TimeSpan StatsReportInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long statistics are gathered in memory before they are stored: what a crash loses at most. Default 1 s.</summary>
    public TimeSpan StatsStoreInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many protocols of one agent's connections are kept apart; more are not stored. Default 16.</summary>
    public int MaxProtocolsPerAgent { get; init; } = 16;

    /// <summary>How many metrics of its own one agent may report; more are not stored. Default 64.</summary>
    public int MaxMetricsPerAgent { get; init; } = 64;

    /// <summary>How many statuses of one app are kept, the newest ones. Default 100.</summary>
    public int MaxStatusesPerApp { get; init; } = 100;

    /// <summary>How many metadata keys one agent may store. Default 128.</summary>
    public int MaxMetadataPerAgent { get; init; } = 128;

    /// <summary>How many of the connections that one agent reports are kept, the newest ones. Default 1,000.</summary>
    public int MaxConnectionsPerAgent { get; init; } = 1_000;

    /// <summary>Other services for which agents get tokens, in the order in which they are matched. Default none.</summary>
    public IReadOnlyList<ExternalAuthProvider> ExternalAuth { get; init; } = [];

    /// <summary>
    /// How often an agent that waits for a token looks at the store without being woken: another process may write to it. Default 15 s.
    /// </summary>
    public TimeSpan ExternalAuthRecheck { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often <c>me/reinit</c> is pinged (tailnet.md §9.2), and the store looked at for what another process wrote. Default 15 s.</summary>
    public TimeSpan ReinitPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>By what the identity of a cloud's instance is known. Default: no cloud is.</summary>
    public InstanceIdentityOptions InstanceIdentity { get; init; } = new();

    /// <summary>How many sub-agents the agents of one workspace may make. Default 128.</summary>
    public int MaxSubAgentsPerWorkspace { get; init; } = 128;

    /// <summary>
    /// The connection string of a PostgreSQL database, as Npgsql takes it (<see cref="Storage.PostgresSetting"/>). Default null: SQLite in
    /// <see cref="DataDirectory"/>.
    /// </summary>
    public string? Database { get; init; }

    /// <summary>
    /// How often the tokens of open streams are looked at again without being woken: they expire, and another process may write to the store.
    /// Default 1 min.
    /// </summary>
    public TimeSpan AccessRecheck { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a statement waits for another process's transaction, with SQLite. Default 10 s.</summary>
    public TimeSpan DatabaseBusyTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
