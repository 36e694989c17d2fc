using System.Runtime.CompilerServices;
using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Holds the current DERP map, and wakes its watchers when the map changes.</summary>
/// <param name="initial">The first map, which the caller must not change afterwards.</param>
public sealed class DerpMapPublisher(DERPMap initial) : IDerpMaps
{
    private volatile MapVersion _version = new(initial);

    /// <summary>The current map, which must not be changed.</summary>
    public DERPMap Current => _version.Map;

    /// <summary>Replaces the map. Returns false, and does nothing, for a map that equals the current one. One caller at a time.</summary>
    /// <param name="map">The new map, which the caller must not change afterwards.</param>
    public bool Publish(DERPMap map)
    {
        var previous = _version;
        if (previous.Map.Equals(map))
        {
            return false;
        }

        _version = new MapVersion(map);
        previous.Replaced.TrySetResult();
        return true;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<DERPMap> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DERPMap? sent = null;
        while (true)
        {
            var version = _version;
            if (!version.Map.Equals(sent))
            {
                sent = version.Map;
                yield return sent;
            }

            await version.Replaced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class MapVersion(DERPMap map)
    {
        public DERPMap Map { get; } = map;

        public TaskCompletionSource Replaced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
