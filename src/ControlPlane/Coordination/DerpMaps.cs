using Microsoft.Extensions.Logging;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// The DERP map of agents and clients: the settings, files and URLs, without the relays whose probes fail. Every change is pushed to all
/// subscribers.
/// </summary>
public sealed partial class DerpMaps
{
    private readonly Lock _lock = new();
    private readonly ControlPlaneOptions _options;
    private readonly ILogger<DerpMaps> _logger;

    /// <summary>Builds the first map from the settings alone.</summary>
    public DerpMaps(ControlPlaneOptions options, ILogger<DerpMaps> logger)
    {
        (_options, _logger) = (options, logger);
        Publisher = new DerpMapPublisher(DerpMapBuilder.Build(options, [], out _) ?? DerpMapBuilder.Empty());
        Relays = new RelayMaps(Publisher, options);
    }

    /// <summary>Publishes the current map and its changes.</summary>
    internal DerpMapPublisher Publisher { get; }

    /// <summary>Removes relays that are down from the published map.</summary>
    internal RelayMaps Relays { get; }

    /// <summary>Replaces the maps of the files and URLs.</summary>
    /// <returns>Null, or the reason why the old map stays.</returns>
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
