using Microsoft.Extensions.Logging;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// The DERP map that agents and clients get: what is configured, what files and URLs say, less the relays that are known to be down. Every
/// change is pushed to those who watch.
/// </summary>
public sealed partial class DerpMaps
{
    private readonly Lock _lock = new();
    private readonly ControlPlaneOptions _options;
    private readonly ILogger<DerpMaps> _logger;
    private DERPMap _whole = new();
    private IReadOnlySet<DerpNodeId> _unhealthy = new HashSet<DerpNodeId>();

    /// <summary>Begins with what needs no reading.</summary>
    public DerpMaps(ControlPlaneOptions options, ILogger<DerpMaps> logger)
    {
        (_options, _logger) = (options, logger);
        _whole = DerpMapBuilder.Build(options, [], out _) ?? _whole;
        Publisher = new DerpMapPublisher(_whole);
    }

    /// <summary>Where the map is read and watched.</summary>
    internal DerpMapPublisher Publisher { get; }

    /// <summary>
    /// Takes out the nodes that do not work, and puts those back that were taken out before and are not named. A region without a relay
    /// left goes; but of a map in which no relay would be left, all stay.
    /// </summary>
    /// <param name="nodes">Every node that does not work now.</param>
    public void SetUnhealthy(IReadOnlySet<DerpNodeId> nodes)
    {
        lock (_lock)
        {
            _unhealthy = nodes;
            Publish();
        }
    }

    /// <summary>Replaces what was read. Null, or why the map stays as it is.</summary>
    internal string? Replace(IReadOnlyList<DerpMapSource> sources)
    {
        lock (_lock)
        {
            if (DerpMapBuilder.Build(_options, sources, out var fault) is not { } map)
            {
                return fault;
            }

            if (map.Regions.Count == 0)
            {
                NoRelays(_logger);
            }

            _whole = map;
            Publish();
            return null;
        }
    }

    private void Publish() => Publisher.Publish(DerpMapBuilder.Without(_whole, _unhealthy));
}

/// <summary>Names a node of the map.</summary>
/// <param name="Region">Its region's id.</param>
/// <param name="Node">Its name in that region.</param>
public readonly record struct DerpNodeId(long Region, string Node);
