using System.Collections.Concurrent;
using System.Net;

namespace Relay.Derp.Connections;

/// <summary>How many connections may be open, in total and from one address. Those above are closed, and nothing else happens.</summary>
internal sealed class ConnectionLimits(DerpServerOptions options)
{
    private readonly ConcurrentDictionary<IPAddress, int> _byAddress = new();
    private int _total;

    public bool TryEnter(IPAddress? address)
    {
        var total = Interlocked.Increment(ref _total);
        if (options.MaxConnections > 0 && total > options.MaxConnections)
        {
            Interlocked.Decrement(ref _total);
            return false;
        }

        if (options.MaxConnectionsPerAddress == 0 || address is null)
        {
            return true;
        }

        if (_byAddress.AddOrUpdate(address, 1, static (_, count) => count + 1) <= options.MaxConnectionsPerAddress)
        {
            return true;
        }

        Leave(address);
        return false;
    }

    public void Leave(IPAddress? address)
    {
        Interlocked.Decrement(ref _total);
        if (options.MaxConnectionsPerAddress == 0 || address is null)
        {
            return;
        }

        _byAddress.AddOrUpdate(address, 0, static (_, count) => count - 1);
        _byAddress.TryRemove(KeyValuePair.Create(address, 0));
    }
}
