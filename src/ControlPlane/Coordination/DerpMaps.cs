using Microsoft.Extensions.Logging;
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

    /// <summary>Begins with what needs no reading.</summary>
    public DerpMaps(ControlPlaneOptions options, ILogger<DerpMaps> logger)
    {
        (_options, _logger) = (options, logger);
        Publisher = new DerpMapPublisher(DerpMapBuilder.Build(options, [], out _) ?? DerpMapBuilder.Empty());
        Relays = new RelayMaps(Publisher, options);
    }

    /// <summary>Where the map is read and watched.</summary>
    internal DerpMapPublisher Publisher { get; }

    /// <summary>What of the map is published: without our relays that are down.</summary>
    internal RelayMaps Relays { get; }

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

            Relays.Replace(map);
            return null;
        }
    }
}
