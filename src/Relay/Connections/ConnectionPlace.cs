using System.Net;

namespace Relay.Connections;

/// <summary>What a connection occupies of the limits, until it ends; a stream that takes the connection takes this along.</summary>
/// <param name="counter">Where a place of the total was taken before.</param>
public sealed class ConnectionPlace(ConnectionCounter counter)
{
    private IPAddress? _address;

    /// <summary>Occupies a place of an address too. False when there is none left.</summary>
    /// <param name="address">The address.</param>
    public bool TryEnterAddress(IPAddress address)
    {
        if (!counter.TryEnterAddress(address))
        {
            return false;
        }

        _address = address;
        return true;
    }

    /// <summary>Gives back what is occupied; once.</summary>
    public void Leave()
    {
        if (_address is not null)
        {
            counter.LeaveAddress(_address);
        }

        counter.LeaveTotal();
    }
}
