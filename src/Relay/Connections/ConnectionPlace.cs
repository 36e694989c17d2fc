using System.Net;

namespace Relay.Connections;

/// <summary>One connection's share of the limits, until the connection ends. A handover to a stream hands this over too.</summary>
/// <param name="counter">The counter, in whose total the connection is counted already.</param>
public sealed class ConnectionPlace(ConnectionCounter counter)
{
    private IPAddress? _address;

    /// <summary>Counts the connection for an address too. Returns false at the limit.</summary>
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

    /// <summary>Removes the connection from all counts. Call this once.</summary>
    public void Leave()
    {
        if (_address is not null)
        {
            counter.LeaveAddress(_address);
        }

        counter.LeaveTotal();
    }
}
