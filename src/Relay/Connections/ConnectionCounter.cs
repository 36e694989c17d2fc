using System.Net;

namespace Relay.Connections;

/// <summary>
/// Counts open connections, all together and by address, and says no above the limits. Its memory is one entry
/// for each address that has a connection open. An address is an IPv4 address or an IPv6 /64 (<see cref="AddressKey"/>).
/// </summary>
/// <param name="maxTotal">Open connections together; 0 for no limit.</param>
/// <param name="maxPerAddress">Open connections of one address; 0 for no limit.</param>
public sealed class ConnectionCounter(int maxTotal, int maxPerAddress)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<AddressKey, int> _byAddress = [];
    private int _total;

    /// <summary>Connections counted now.</summary>
    public int Total => Volatile.Read(ref _total);

    /// <summary>Addresses that have at least one counted connection.</summary>
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

    /// <summary>Takes one place of the total, which the caller gives back with <see cref="LeaveTotal"/>.</summary>
    /// <returns>False when there is none left.</returns>
    public bool TryEnterTotal()
    {
        if (Interlocked.Increment(ref _total) <= maxTotal || maxTotal == 0)
        {
            return true;
        }

        Interlocked.Decrement(ref _total);
        return false;
    }

    /// <summary>Gives a place of the total back.</summary>
    public void LeaveTotal() => Interlocked.Decrement(ref _total);

    /// <summary>Takes one place of an address, which the caller gives back with <see cref="LeaveAddress"/>.</summary>
    /// <param name="address">The address.</param>
    /// <returns>False when there is none left.</returns>
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

    /// <summary>Gives a place of an address back.</summary>
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
