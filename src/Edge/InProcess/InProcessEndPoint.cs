using System.Net;
using System.Net.Sockets;

namespace Edge.InProcess;

/// <summary>
/// Where the embedded API server takes the requests of its own process: connections of two pipes, with no socket between. What is written
/// there is read on the thread that writes, so that a request and its answer wake nobody on their way.
/// </summary>
internal sealed class InProcessEndPoint : EndPoint
{
    private InProcessListener? _listener;

    public override AddressFamily AddressFamily => AddressFamily.Unspecified;

    /// <summary>A connection.</summary>
    /// <exception cref="SocketException">Nobody listens, or nobody accepts: refused, as a socket would be.</exception>
    public Stream Connect()
    {
        var connection = new InProcessConnection(this);
        return Volatile.Read(ref _listener)?.TryOffer(connection) is true
            ? connection.Client
            : throw new SocketException((int)SocketError.ConnectionRefused);
    }

    /// <summary>Listens, in place of whoever did before.</summary>
    public InProcessListener Listen()
    {
        var listener = new InProcessListener(this);
        Volatile.Write(ref _listener, listener);
        return listener;
    }

    public override string ToString() => "in process";
}
