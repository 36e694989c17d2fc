using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>What the edge sets for every cluster, and the figures of the cluster that <c>Edge:Backends</c> makes.</summary>
internal static class ProxyDefaults
{
    /// <summary>The cluster and the route of <c>Edge:Backends</c> or of the embedded API server.</summary>
    public const string ClusterId = "api";

    /// <summary>How long a connection to an API server may take to stand.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How old a connection to an API server may be when a request takes it. For a new one the server's name is looked up again, and may have a new address.
    /// </summary>
    public static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    /// <summary>How long a destination that refused a connection is left alone.</summary>
    public static readonly TimeSpan Reactivation = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Within which time failed requests are counted. YARP leaves a destination out for this time at least, and counts what failed before when it
    /// returns. It counts by the second: with more than a second less than <see cref="Reactivation"/>, a destination returns without its past.
    /// </summary>
    public static readonly TimeSpan FailureWindow = TimeSpan.FromSeconds(3.5);

    /// <summary>
    /// How long a request may be silent, unless the operator says otherwise: the most that YARP's timer takes, 24 days. A long poll
    /// may send nothing for as long as it likes, and vanished peers are found by TCP (see <see cref="BackendConnector"/>).
    /// </summary>
    public static readonly TimeSpan ActivityTimeout = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>A probe of <c>/healthz</c> each 5 s, judged by <see cref="ProbePolicy"/>.</summary>
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
