using System.Globalization;
using Tailnet.Messages;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;
using Region = Tailnet.Messages.DERPMap.Types.Region;

namespace ControlPlane.Coordination;

/// <summary>Builds the DERP map from the settings, files and URLs (tailnet.md §8.3).</summary>
internal static class DerpMapBuilder
{
    private const int FirstStunRegion = 1000;

    /// <summary>
    /// Builds the map. The result is null, with a fault, if two regions have the same id, or if all configured regions have no relay.
    /// </summary>
    public static DERPMap? Build(ControlPlaneOptions options, IReadOnlyList<DerpMapSource> sources, out string? fault)
    {
        var derp = options.DerpMap;
        var parts = new List<DerpMapSource>();
        if (derp.HasEmbeddedRelay && options.PublicUrl is { } publicUrl)
        {
            parts.Add(new DerpMapSource("the embedded relay", Embedded(derp, publicUrl)));
        }

        parts.AddRange(derp.Regions.Select(static region => new DerpMapSource("the settings", Configured(region))));
        parts.Add(new DerpMapSource("the STUN servers", Stun(derp)));
        parts.AddRange(sources);

        var map = Empty();
        var origins = new Dictionary<long, string>();
        foreach (var (origin, part) in parts)
        {
            foreach (var (id, region) in part.Regions)
            {
                if (!origins.TryAdd(id, origin))
                {
                    fault = FormattableString.Invariant($"the region {id} comes from {origins[id]} and again from {origin}");
                    return null;
                }

                map.Regions[id] = region.Clone();
            }

            if (part.HomeParams is { } home)
            {
                foreach (var (id, score) in home.RegionScore)
                {
                    map.HomeParams.RegionScore[id] = score;
                }
            }
        }

        var configured = map.Regions.Count > 0;
        if (derp.BlockDirect)
        {
            RemoveStun(map);
        }

        fault = configured && !map.Regions.Values.Any(HasRelay)
            ? "no region has a relay: agents and clients could not reach each other"
            : null;
        return fault is null ? map : null;
    }

    /// <summary>An empty map with home parameters, which Go's clients read without a nil check.</summary>
    public static DERPMap Empty() => new() { HomeParams = new DERPMap.Types.HomeParams() };

    private static bool HasRelay(Region region) => region.Nodes.Any(static node => !node.StunOnly);

    /// <summary>The embedded region. Clients replace its address by the one at which they reached this server.</summary>
    private static DERPMap Embedded(DerpMapOptions options, Uri publicUrl)
    {
        var id = options.EmbeddedRegionId;
        return new DERPMap
        {
            Regions =
            {
                [id] = new Region
                {
                    RegionId = id,
                    EmbeddedRelay = true,
                    RegionCode = options.EmbeddedRegionCode,
                    RegionName = options.EmbeddedRegionName,
                    Nodes =
                    {
                        new Node
                        {
                            Name = id.ToString(CultureInfo.InvariantCulture) + "b",
                            RegionId = id,
                            HostName = publicUrl.IdnHost,
                            DerpPort = publicUrl.Port,
                            StunPort = options.EmbeddedStunPort,
                            ForceHttp = publicUrl.Scheme == Uri.UriSchemeHttp,
                        },
                    },
                },
            },
        };
    }

    private static DERPMap Configured(DerpRegionOptions options)
    {
        var region = new Region { RegionId = options.Id, RegionCode = options.Code, RegionName = options.Name, Avoid = options.Avoid };
        region.Nodes.AddRange(options.Nodes.Select(node => new Node
        {
            Name = node.Name,
            RegionId = options.Id,
            HostName = node.HostName,
            CertName = node.CertName,
            Ipv4 = node.IPv4,
            Ipv6 = node.IPv6,
            DerpPort = node.DerpPort,
            StunPort = node.StunPort,
            StunOnly = node.StunOnly,
            ForceHttp = node.ForceHttp,
            CanPort80 = node.CanPort80,
        }));
        return new DERPMap { Regions = { [options.Id] = region } };
    }

    private static DERPMap Stun(DerpMapOptions options)
    {
        var map = new DERPMap();
        foreach (var (index, server) in options.StunServers.Index())
        {
            var id = FirstStunRegion + index;
            map.Regions[id] = new Region
            {
                RegionId = id,
                RegionCode = FormattableString.Invariant($"stun_{id}"),
                RegionName = FormattableString.Invariant($"STUN {id}"),
                Nodes =
                {
                    new Node
                    {
                        Name = FormattableString.Invariant($"{id}stun0"),
                        RegionId = id,
                        HostName = server.Host,
                        StunOnly = true,
                        StunPort = server.Port,
                    },
                },
            };
        }

        return map;
    }

    private static void RemoveStun(DERPMap map)
    {
        foreach (var (id, region) in map.Regions.ToArray())
        {
            var relays = region.Nodes.Where(static node => !node.StunOnly).ToArray();
            if (relays.Length == 0)
            {
                map.Regions.Remove(id);
                continue;
            }

            region.Nodes.Clear();
            region.Nodes.AddRange(relays);
            foreach (var node in relays)
            {
                node.StunPort = -1;
            }
        }
    }
}

/// <summary>A part of the map, and the name of its source for error texts.</summary>
internal sealed record DerpMapSource(string Origin, DERPMap Map);
