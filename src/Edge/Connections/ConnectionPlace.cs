using System.Net;

namespace Edge.Connections;

/// <summary>What a connection occupies of the limits, until it ends; a stream that takes the connection takes this along.</summary>
internal sealed class ConnectionPlace(ConnectionCounter counter)
{
    private IPAddress? _address;

    /// <summary>Occupies a place of an address too. False when there is none left.</summary>
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
