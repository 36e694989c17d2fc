using System.Runtime.CompilerServices;
using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Holds the current map and wakes its watchers at once when it changes.</summary>
/// <param name="initial">The first map; must not be changed afterwards.</param>
public sealed class DerpMapPublisher(DERPMap initial) : IDerpMaps
{
    private volatile Edition _edition = new(initial);

    /// <summary>The current map. Do not change it.</summary>
    public DERPMap Current => _edition.Map;

    /// <summary>Replaces the map; one that equals the current is no news. False then. One caller at a time.</summary>
    /// <param name="map">The new map; must not be changed afterwards.</param>
    public bool Publish(DERPMap map)
    {
        var older = _edition;
        if (older.Map.Equals(map))
        {
            return false;
        }

        _edition = new Edition(map);
        older.Replaced.TrySetResult();
        return true;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<DERPMap> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DERPMap? sent = null;
        while (true)
        {
            var edition = _edition;
            if (!edition.Map.Equals(sent))
            {
                sent = edition.Map;
                yield return sent;
            }

            await edition.Replaced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class Edition(DERPMap map)
    {
        public DERPMap Map { get; } = map;

        public TaskCompletionSource Replaced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
