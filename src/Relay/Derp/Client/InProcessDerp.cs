using System.IO.Pipelines;
using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// A client of a relay in the same process. Two pipes in memory replace the socket; handshake and rules are those of any client. The client
/// has no IP address, and does not count for <see cref="DerpServerOptions.MaxConnections"/>. <see cref="DerpServer.Admission"/> does not
/// decide about it.
/// </summary>
public sealed class InProcessDerp
{
    // The unread bytes at which each pipe applies back-pressure. Then packets to the client wait in the relay's send queue, with fair
    // queueing by sender, and the client's own sends are refused.
    private const int PipeBytes = 512 * 1024;

    private readonly DerpServer _server;
    private readonly DerpTransport _serverSide;
    private int _isStarted;

    /// <summary>Creates a client that is not connected yet.</summary>
    /// <param name="server">The relay.</param>
    /// <param name="key">The client's key.</param>
    /// <param name="handler">Receives the relay's packets and events.</param>
    /// <param name="heartbeat">The timer and the clock of the client's time-outs.</param>
    /// <param name="options">The client's time-outs; null for the defaults. The relay's own key replaces <c>ServerKey</c>.</param>
    public InProcessDerp(
        DerpServer server,
        NodePrivateKey key,
        IDerpClientHandler handler,
        DerpClientHeartbeat heartbeat,
        DerpClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        var (up, down) = (NewPipe(), NewPipe());
        _server = server;
        _serverSide = new DerpTransport(up.Reader, new DerpPipeOutput(down.Writer)) { IsInProcess = true };
        Client = new DerpClient(
            new DerpTransport(down.Reader, new DerpPipeOutput(up.Writer)),
            key,
            handler,
            heartbeat,
            (options ?? new DerpClientOptions()) with { ServerKey = server.PublicKey });
    }

    /// <summary>The client, which sends while <see cref="RunAsync"/> runs.</summary>
    public DerpClient Client { get; }

    /// <summary>Connects the client to the relay, and runs both sides of the connection until it ends. It may be called once.</summary>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended, as the client sees it.</returns>
    /// <exception cref="InvalidOperationException">The client has run before.</exception>
    public async Task<DerpClientCloseReason> RunAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
        {
            throw new InvalidOperationException("An in-process DERP client runs once.");
        }

        var served = _server.RunAsync(_serverSide, CancellationToken.None);
        try
        {
            return await Client.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // The client has completed its pipe, which ends the relay's side.
            await served.ConfigureAwait(false);
        }
    }

    // Continuations do not run inline: each side writes under a lock, and the other side's reader must not run in it.
    private static Pipe NewPipe() => new(new PipeOptions(
        pauseWriterThreshold: PipeBytes, resumeWriterThreshold: PipeBytes / 2, useSynchronizationContext: false));
}
