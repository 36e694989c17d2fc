using ControlPlane.Connections;
using ControlPlane.Coordination;
using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;

namespace ControlPlane;

/// <summary>The settings of the embedded API server, with every limit and timeout of this assembly.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>
    /// The directory of the SQLite database <c>edge.db</c>. It exists, and only its owner can enter it. Not used with another
    /// <see cref="Database"/>.
    /// </summary>
    public required string DataDirectory { get; init; }

    /// <summary>
    /// The semantic version, with a leading <c>v</c>, in <c>buildinfo</c> and the header <c>X-Coder-Build-Version</c>. Default: the version
    /// of this assembly.
    /// </summary>
    public string Version { get; init; } = BuildVersion.OfThisAssembly;

    /// <summary>The base URL of this deployment for clients: <c>dashboard_url</c> in <c>buildinfo</c>. Omitted when null.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>The URL of this build's release notes: <c>external_url</c> in <c>buildinfo</c>. Omitted when null.</summary>
    public Uri? ReleaseUrl { get; init; }

    /// <summary>
    /// The version of the agent API (<c>2.N</c>, tailnet.md §3.5) in <c>buildinfo</c>. Default: the version that <c>me/rpc</c> serves.
    /// </summary>
    public string? AgentApiVersion { get; init; } = ApiVersion.Current;

    /// <summary>The sources of the DERP map.</summary>
    public DerpMapOptions DerpMap { get; init; } = new();

    /// <summary>
    /// The DNS suffix of workspaces' host names for clients that resolve them (<c>hostname_suffix</c>); empty for none. Default
    /// <c>coder</c>.
    /// </summary>
    public string HostnameSuffix { get; init; } = "coder";

    /// <summary>The interval between two probes of a relay. Default 5 s.</summary>
    public TimeSpan RelayProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The timeout of a relay's probe. Default 3 s.</summary>
    public TimeSpan RelayProbeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a relay's probes must fail before it leaves the map, and succeed before it returns. Default 30 s.</summary>
    public TimeSpan RelayHealthPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The interval at which a watch of a user's workspaces polls the database, because other processes may write to it. Writes of this
    /// process are signalled at once. Default 15 s.
    /// </summary>
    public TimeSpan WorkspaceRecheck { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a key signs resume tokens before it is rotated. A token of the old key stays valid for its own 24 h. Default 30 days.
    /// </summary>
    public TimeSpan ResumeKeyLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The longest request body, in bytes; a longer one is answered with 413. Default 4 MiB.</summary>
    public int MaxRequestBodyBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>How much log output one agent may store, in bytes of UTF-8 as sent (tailnet.md §1.3-13). Default 1,048,576.</summary>
    public long MaxLogBytesPerAgent { get; init; } = 1_048_576;

    /// <summary>
    /// How many log lines one agent may store. Empty lines count no bytes of <see cref="MaxLogBytesPerAgent"/>, but they fill the disk.
    /// Both limits cause the same overflow. Default 262,144.
    /// </summary>
    public long MaxLogLinesPerAgent { get; init; } = 262_144;

    /// <summary>How many log sources one agent may create; more are answered with 413. Default 1,024.</summary>
    public int MaxLogSourcesPerAgent { get; init; } = 1_024;

    /// <summary>How many log responses are written to one user at the same time; more are answered with 429. Default 16.</summary>
    public int MaxLogAnswersPerUser { get; init; } = 16;

    /// <summary>
    /// The longest WebSocket message of a followed log, in bytes. The Go client reads no longer one (tailnet.md §1.4). Default 32,768.
    /// </summary>
    public int MaxFollowMessageBytes { get; init; } = 32_768;

    /// <summary>
    /// The interval at which a follower of logs polls the database, because other processes may write to it. Default 60 s.
    /// </summary>
    public TimeSpan FollowRecheck { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The interval of the server's WebSocket pings. Default 15 s.</summary>
    public TimeSpan WebSocketPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The timeout of a WebSocket's pong; after it the connection counts as dead. Default 15 s.</summary>
    public TimeSpan WebSocketPongTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The timeout of a pong on <c>GET /derp-map</c> (tailnet.md §4). Default 30 s.</summary>
    public TimeSpan DerpMapPongTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The timeout of a WebSocket's closing handshake, after which it is aborted. Default 5 s.</summary>
    public TimeSpan WebSocketCloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long after its last ping reply a connected agent counts as disconnected. Default 30 s.</summary>
    public TimeSpan AgentInactiveTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The interval at which an agent's connection is pinged and its <c>last_connected_at</c> stored. Default 15 s.</summary>
    public TimeSpan AgentPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The timeout of an agent's pong, after which its connection is closed. Default 30 s.</summary>
    public TimeSpan AgentPongTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The connection to the agent of the first start, for shells, ports and containers of this machine; null without one. Default null.
    /// </summary>
    public IAgentConnection? LocalAgent { get; init; }

    /// <summary>The timeout of a call to an agent, which is answered with 408. Default 30 s.</summary>
    public TimeSpan AgentCallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many TCP connections to agents one user may have open; more are answered with 429. Default 64.</summary>
    public int MaxTcpConnectionsPerUser { get; init; } = 64;

    /// <summary>
    /// The longest JSON object of a terminal's input, in bytes; a longer one closes the WebSocket with 1009. Default 1 MiB.
    /// </summary>
    public int MaxTerminalInputBytes { get; init; } = 1024 * 1024;

    /// <summary>The longest <c>command</c> of a terminal, in characters; a longer one is answered with 400. Default 4,096.</summary>
    public int MaxTerminalCommandLength { get; init; } = 4_096;

    /// <summary>The interval at which agents report statistics. Default 5 min.</summary>
    public TimeSpan StatsReportInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The interval at which buffered statistics are written to the database. A crash loses at most those of one interval. Default 1 s.
    /// </summary>
    public TimeSpan StatsStoreInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many protocols of one agent's connections are counted separately; more are not stored. Default 16.</summary>
    public int MaxProtocolsPerAgent { get; init; } = 16;

    /// <summary>How many metrics of its own one agent may report; more are not stored. Default 64.</summary>
    public int MaxMetricsPerAgent { get; init; } = 64;

    /// <summary>How many statuses of one app are stored; the oldest are deleted. Default 100.</summary>
    public int MaxStatusesPerApp { get; init; } = 100;

    /// <summary>How many metadata keys one agent may store. Default 128.</summary>
    public int MaxMetadataPerAgent { get; init; } = 128;

    /// <summary>How many connections that one agent reports are stored; the oldest are deleted. Default 1,000.</summary>
    public int MaxConnectionsPerAgent { get; init; } = 1_000;

    /// <summary>The external services for which agents get tokens, in the order in which they are matched. Default none.</summary>
    public IReadOnlyList<ExternalAuthProvider> ExternalAuth { get; init; } = [];

    /// <summary>
    /// The interval at which the request of an agent that waits for a token polls the database, because other processes may write to it.
    /// Default 15 s.
    /// </summary>
    public TimeSpan ExternalAuthRecheck { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The interval at which <c>me/reinit</c> sends a ping (tailnet.md §9.2) and polls the database, because other processes may write to
    /// it. Default 15 s.
    /// </summary>
    public TimeSpan ReinitPingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The keys and certificates that verify the identity of cloud instances. Default: no cloud is accepted.</summary>
    public InstanceIdentityOptions InstanceIdentity { get; init; } = new();

    /// <summary>How many sub-agents the agents of one workspace may create. Default 128.</summary>
    public int MaxSubAgentsPerWorkspace { get; init; } = 128;

    /// <summary>
    /// The Npgsql connection string of a PostgreSQL database (<see cref="Storage.PostgresSetting"/>). Default null: SQLite in
    /// <see cref="DataDirectory"/>.
    /// </summary>
    public string? Database { get; init; }

    /// <summary>
    /// The interval at which the tokens of open streams are checked again: they expire, and other processes may write to the database.
    /// Default 1 min.
    /// </summary>
    public TimeSpan AccessRecheck { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>SQLite's busy timeout: how long a statement waits for another process's transaction. Default 10 s.</summary>
    public TimeSpan DatabaseBusyTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
