using Relay.Streams;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>The data to attach a terminal again. It includes the request's credentials, and is only in memory.</summary>
/// <param name="Request">The head of the request as it was sent.</param>
/// <param name="BasePath">The path of the first API server's address, with which the request's target begins.</param>
/// <param name="Cluster">The current API servers.</param>
/// <param name="First">The API server that accepted the request.</param>
/// <param name="Shell">
/// The shell's id in that server's answer. Null from a server that sends none: then every server that accepts the request will do.
/// </param>
internal sealed record ResumableTerminal(
    UpgradeRequest Request, string BasePath, ClusterState Cluster, DestinationState First, string? Shell);
