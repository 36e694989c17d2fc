using System.Net;

namespace Relay.Connections;

/// <summary>
/// Counts open connections, in total and by address, and refuses more than the limits. It uses memory only for addresses with open
/// connections. An address is an IPv4 address or an IPv6 /64 (<see cref="AddressKey"/>).
/// </summary>
/// <param name="maxTotal">The most open connections; 0 for no limit.</param>
/// <param name="maxPerAddress">The most open connections of one address; 0 for no limit.</param>
public sealed class ConnectionCounter(int maxTotal, int maxPerAddress)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<AddressKey, int> _byAddress = [];
    private int _total;

    /// <summary>The number of connections.</summary>
    public int Total => Volatile.Read(ref _total);

    /// <summary>The number of addresses with at least one connection; always 0 without a limit per address.</summary>
    public int Addresses
    {
        get
        {
            lock (_lock)
            {
                return _byAddress.Count;
            }
        }
    }

    /// <summary>Counts a connection in the total. The caller undoes this by <see cref="LeaveTotal"/>.</summary>
    /// <returns>False at the limit.</returns>
    public bool TryEnterTotal()
    {
        if (Interlocked.Increment(ref _total) <= maxTotal || maxTotal == 0)
        {
            return true;
        }

        Interlocked.Decrement(ref _total);
        return false;
    }

    /// <summary>Removes a connection from the total.</summary>
    public void LeaveTotal() => Interlocked.Decrement(ref _total);

    /// <summary>Counts a connection of an address. The caller undoes this by <see cref="LeaveAddress"/>.</summary>
    /// <param name="address">The address.</param>
    /// <returns>False at the limit.</returns>
    public bool TryEnterAddress(IPAddress address)
    {
        if (maxPerAddress == 0)
        {
            return true;
        }

        var key = new AddressKey(address);
        lock (_lock)
        {
            _byAddress.TryGetValue(key, out var open);
            if (open >= maxPerAddress)
            {
                return false;
            }

            _byAddress[key] = open + 1;
            return true;
        }
    }

    /// <summary>Removes a connection of an address.</summary>
    /// <param name="address">The address.</param>
    public void LeaveAddress(IPAddress address)
    {
        if (maxPerAddress == 0)
        {
            return;
        }

        var key = new AddressKey(address);
        lock (_lock)
        {
            var open = _byAddress[key] - 1;
            if (open == 0)
            {
                _byAddress.Remove(key);
            }
            else
            {
                _byAddress[key] = open;
            }
        }
    }
}
