using Tailnet.Messages;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>A DERP map without the relays that are out. Pure.</summary>
internal static class RelayFilter
{
    /// <summary>Whether the node relays packets; others only answer STUN.</summary>
    public static bool IsRelay(Node node) => !node.StunOnly;

    /// <summary>
    /// The map without the relays that are out, and without the regions that have no node then. When no relay would be left, the map stays
    /// as it is: a relay that may be down is better than none. The map given is not changed.
    /// </summary>
    public static DERPMap Without(DERPMap map, Func<Node, bool> isOut)
    {
        var left = map.Clone();
        foreach (var (id, region) in map.Regions)
        {
            foreach (var node in region.Nodes.Where(node => IsRelay(node) && isOut(node)))
            {
                left.Regions[id].Nodes.Remove(node);
            }

            if (left.Regions[id].Nodes.Count == 0 && region.Nodes.Count > 0)
            {
                left.Regions.Remove(id);
            }
        }

        return left.Regions.Values.Any(static region => region.Nodes.Any(IsRelay)) ? left : map;
    }
}
