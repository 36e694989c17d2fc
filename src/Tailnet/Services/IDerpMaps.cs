using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>The source of the DERP map and its changes.</summary>
public interface IDerpMaps
{
    /// <summary>Yields the current map at once, and then later ones. A slow reader gets only the latest.</summary>
    /// <param name="cancellationToken">Ends the watch.</param>
    IAsyncEnumerable<DERPMap> WatchAsync(CancellationToken cancellationToken);
}
