using Relay.Streams;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>What it takes to attach a terminal again: the request as it was sent, credentials included, in memory alone.</summary>
/// <param name="Request">The request's head.</param>
/// <param name="BasePath">The path of the first API server's address, with which the request's target begins.</param>
/// <param name="Cluster">The API servers there are at the time.</param>
/// <param name="First">The API server that it was accepted by.</param>
/// <param name="Shell">Which shell it is, as that server said; null from a server that does not: any that accepts the request will do.</param>
internal sealed record ResumableTerminal(
    UpgradeRequest Request, string BasePath, ClusterState Cluster, DestinationState First, string? Shell);
