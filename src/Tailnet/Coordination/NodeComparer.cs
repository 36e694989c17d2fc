using Tailnet.Messages;

namespace Tailnet.Coordination;

internal static class NodeComparer
{
    /// <summary>Whether two nodes are equal apart from their times.</summary>
    public static bool Same(Node one, Node other) =>
        ReferenceEquals(one, other)
        || (one.Id == other.Id
            && one.PreferredDerp == other.PreferredDerp
            && one.Disco == other.Disco
            && one.Key.Equals(other.Key)
            && one.Addresses.Equals(other.Addresses)
            && one.AllowedIps.Equals(other.AllowedIps)
            && one.Endpoints.Equals(other.Endpoints)
            && one.DerpLatency.Equals(other.DerpLatency)
            && one.DerpForcedWebsocket.Equals(other.DerpForcedWebsocket));
}
