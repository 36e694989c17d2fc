using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>The settings of every cluster, and those of the cluster for <c>Edge:Backends</c>.</summary>
internal static class ProxyDefaults
{
    /// <summary>The cluster and the route of <c>Edge:Backends</c> or of the embedded API server.</summary>
    public const string ClusterId = "api";

    /// <summary>The time to connect to an API server.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a connection to an API server is used for new requests. A new connection resolves the server's name again, which may
    /// have a new address.
    /// </summary>
    public static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    /// <summary>How long a destination that refused a connection is not used.</summary>
    public static readonly TimeSpan Reactivation = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The period in which YARP counts failed requests. YARP excludes a destination for at least <see cref="Reactivation"/>, and counts
    /// the failures before that again when the destination returns. It counts in whole seconds: a period that is shorter by more
    /// than a second lets a destination return without its earlier failures.
    /// </summary>
    public static readonly TimeSpan FailureWindow = TimeSpan.FromSeconds(3.5);

    /// <summary>
    /// How long a request may be silent, unless the operator sets it: 24 days, the most of YARP's timer. A long poll may be silent for
    /// any time, and TCP detects vanished peers (<see cref="BackendConnector"/>).
    /// </summary>
    public static readonly TimeSpan ActivityTimeout = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>A probe of <c>/healthz</c> every 5 s. <see cref="ProbePolicy"/> decides about its result.</summary>
    public static readonly HealthCheckConfig HealthCheck = new()
    {
        Active = new ActiveHealthCheckConfig
        {
            Enabled = true,
            Interval = TimeSpan.FromSeconds(5),
            Timeout = TimeSpan.FromSeconds(2),
            Policy = ProbePolicy.PolicyName,
            Path = "/healthz",
        },
        Passive = new PassiveHealthCheckConfig
        {
            Enabled = true,
            Policy = "TransportFailureRate",
            ReactivationPeriod = Reactivation,
        },
    };
}
