using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// A client of a DERP relay on one connection (derp.md §10). The caller opens the transport, up to and including the HTTP upgrade, and
/// closes its socket afterwards. Each connection needs a new client.
/// </summary>
/// <remarks>
/// 1. <see cref="RunAsync"/> answers the relay's ServerKey with ClientInfo, and waits for ServerInfo.
/// 2. Each read returns a batch of frames. The handler gets the packets, and pongs are sent at the end of the batch.
/// 3. Any thread may send. No packet is queued: <see cref="TrySend"/> returns whether the output has accepted it.
/// 4. The heartbeat pings a silent relay, and ends a connection whose relay stays silent or reads nothing.
/// </remarks>
public sealed class DerpClient
{
    private readonly DerpLogin _login;
    private readonly DerpClientOutbox _outbox;
    private readonly DerpClientConnection _connection;

    /// <summary>Creates a client.</summary>
    /// <param name="transport">The connection. The client completes its input and output.</param>
    /// <param name="key">The client's key, which is its address.</param>
    /// <param name="handler">Receives the relay's packets and events.</param>
    /// <param name="heartbeat">The timer and the clock of the client's time-outs.</param>
    /// <param name="options">The time-outs and the relay's key; null for the defaults.</param>
    public DerpClient(
        DerpTransport transport,
        NodePrivateKey key,
        IDerpClientHandler handler,
        DerpClientHeartbeat heartbeat,
        DerpClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(heartbeat);
        _login = new DerpLogin(key, new ClientInfo(DerpProtocol.Version, null, CanAckPings: true, IsProber: false));
        _outbox = new DerpClientOutbox(transport.Output);
        _connection = new DerpClientConnection(
            transport.Input, _login, _outbox, handler, heartbeat, options ?? new DerpClientOptions());
    }

    /// <summary>The client's public key.</summary>
    public NodeKey Key => _login.Client;

    /// <summary>The relay's public key, once the client is connected.</summary>
    public NodeKey ServerKey => _login.Server;

    /// <summary>Whether the relay has admitted the client and the connection has not ended.</summary>
    public bool IsConnected => _outbox.IsOpen;

    /// <summary>The number of reads that returned bytes of the relay.</summary>
    internal int Reads => _connection.Reads;

    /// <summary>Runs the connection until it ends. An error of the relay or the network is a reason, not an exception.</summary>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended.</returns>
    /// <exception cref="InvalidOperationException">The client has run before.</exception>
    public Task<DerpClientCloseReason> RunAsync(CancellationToken cancellationToken) => _connection.RunAsync(cancellationToken);

    /// <summary>Sends a packet, without waiting. <see cref="Flush"/> ends a batch of packets.</summary>
    /// <param name="destination">The receiver's key.</param>
    /// <param name="packet">The packet, up to <see cref="DerpProtocol.MaxPacketLength"/> bytes.</param>
    /// <returns>False when the packet was not accepted: the output is full, or the client is not connected.</returns>
    public bool TrySend(in NodeKey destination, ReadOnlySpan<byte> packet)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packet.Length, DerpProtocol.MaxPacketLength, nameof(packet));
        return _outbox.TrySend(destination, packet);
    }

    /// <summary>Flushes the accepted packets to the transport.</summary>
    public void Flush() => _outbox.Flush();

    /// <summary>Tells the relay whether it is the client's home relay. The frame waits for the end of the login.</summary>
    /// <param name="home">Whether the relay is the home relay.</param>
    public void NotePreferred(bool home) => _outbox.NotePreferred(home);
}
