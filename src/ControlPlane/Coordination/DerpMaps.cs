using Microsoft.Extensions.Logging;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>The map that the server starts with.</summary>
internal static partial class DerpMaps
{
    private const int EmbeddedRegion = 999;

    /// <summary>The configured map; without one, the embedded region at the deployment's public address; without that, an empty map.</summary>
    public static DerpMapPublisher Create(ControlPlaneOptions options, ILogger<DerpMapPublisher> logger)
    {
        var embedded = options.HasEmbeddedRelay ? options.PublicUrl : null;
        if (options.DerpMap is null && embedded is null)
        {
            NoRelays(logger);
        }

        return new DerpMapPublisher(options.DerpMap?.Clone() ?? (embedded is not null ? Embedded(embedded) : new DERPMap()));
    }

    /// <summary>One region that clients find where they found this server (tailnet.md §8.3): they put in the address that they dialled.</summary>
    internal static DERPMap Embedded(Uri publicUrl) => new()
    {
        Regions =
        {
            [EmbeddedRegion] = new DERPMap.Types.Region
            {
                RegionId = EmbeddedRegion,
                EmbeddedRelay = true,
                RegionCode = "embedded",
                RegionName = "Embedded Relay",
                Nodes =
                {
                    new DERPMap.Types.Region.Types.Node
                    {
                        Name = "999b",
                        RegionId = EmbeddedRegion,
                        HostName = publicUrl.IdnHost,
                        DerpPort = publicUrl.Port,
                        StunPort = -1,
                        ForceHttp = publicUrl.Scheme == Uri.UriSchemeHttp,
                    },
                },
            },
        },
    };
}
