using Tailnet.Messages;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>Removes relays that are down from a DERP map. Pure.</summary>
internal static class RelayFilter
{
    /// <summary>Whether the node relays packets. Other nodes only answer STUN.</summary>
    public static bool IsRelay(Node node) => !node.StunOnly;

    /// <summary>
    /// Returns a copy of the map without the relays that are down, and without the regions that have no node left. If no relay would be
    /// left, it returns the map itself: a relay that may be down is better than none.
    /// </summary>
    public static DERPMap Without(DERPMap map, Func<Node, bool> isDown)
    {
        var filtered = map.Clone();
        foreach (var (id, region) in map.Regions)
        {
            foreach (var node in region.Nodes.Where(node => IsRelay(node) && isDown(node)))
            {
                filtered.Regions[id].Nodes.Remove(node);
            }

            if (filtered.Regions[id].Nodes.Count == 0 && region.Nodes.Count > 0)
            {
                filtered.Regions.Remove(id);
            }
        }

        return filtered.Regions.Values.Any(static region => region.Nodes.Any(IsRelay)) ? filtered : map;
    }
}
