using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tailnet.Coordination;
using Tailnet.Messages;
using Tailnet.Wire;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Json;

/// <summary>Why a connection of coordination version 1 ended.</summary>
public enum JsonEnd
{
    /// <summary>The peer closed its byte stream, or the stream failed.</summary>
    PeerLeft,

    /// <summary>The peer sent bytes that are no node.</summary>
    NotANode,

    /// <summary>The peer sent an object above <see cref="CoordinatorOptions.MaxNode"/>.</summary>
    TooLarge,

    /// <summary>The peer sent a request without the permission for it.</summary>
    Refused,

    /// <summary>The coordinator closed the connection because it stops, or because the peer has connected again.</summary>
    Closed,
}

/// <summary>
/// Coordination version 1 (tailnet.md §3.1) on a coordinator of version 2. The peer sends its node as JSON objects, and gets arrays of the
/// nodes of the peers that it shares a tunnel with. Version 1 has no messages for disconnects, tunnels and handshakes. Therefore this class
/// opens the tunnel of a client, and reports an agent as ready for a handshake as soon as the agent was sent the node.
/// </summary>
/// <param name="coordinator">The coordinator.</param>
/// <param name="options">The limits; null for the defaults.</param>
/// <param name="logger">Gets unexpected exceptions; null for none.</param>
public sealed partial class JsonCoordination(ICoordinator coordinator, CoordinatorOptions? options = null, ILogger? logger = null)
{
    private readonly ILogger _logger = logger ?? NullLogger.Instance;
    private readonly int _maxNode = (options ?? new CoordinatorOptions()).MaxNode;

    /// <summary>Serves a client of one agent.</summary>
    /// <param name="stream">The byte stream; completed at the end.</param>
    /// <param name="id">The client's id.</param>
    /// <param name="agent">The agent that the client wants to reach.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended, and a text for it.</returns>
    public Task<(JsonEnd End, string Reason)> ServeClientAsync(
        IDuplexPipe stream, Guid id, Guid agent, CancellationToken cancellationToken = default) =>
        ServeAsync(stream, id, CoordinateeAuth.Client(agent), agent, cancellationToken);

    /// <summary>Serves an agent.</summary>
    /// <param name="stream">The byte stream; completed at the end.</param>
    /// <param name="agent">The agent's id.</param>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended, and a text for it.</returns>
    public Task<(JsonEnd End, string Reason)> ServeAgentAsync(
        IDuplexPipe stream, Guid agent, CancellationToken cancellationToken = default) =>
        ServeAsync(stream, agent, CoordinateeAuth.Agent(agent), tunnel: null, cancellationToken);

    private async Task<(JsonEnd End, string Reason)> ServeAsync(
        IDuplexPipe stream, Guid id, ICoordinateeAuth auth, Guid? tunnel, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var peer = await coordinator.ConnectAsync(id, auth, cancellationToken).ConfigureAwait(false);
        var reading = ReadAsync(stream.Input, peer, tunnel, stop.Token);
        var closing = await WriteAsync(stream.Output, peer, answersHandshakes: tunnel is null, stop.Token).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        var end = await reading.ConfigureAwait(false);
        await stream.Input.CompleteAsync().ConfigureAwait(false);
        await stream.Output.CompleteAsync().ConfigureAwait(false);

        // The coordinator's reason, if there is one, takes precedence over the reader's.
        return end.End == JsonEnd.Refused || closing.Reason.Length > 0 ? closing : end;
    }

    /// <summary>Reads nodes, and disposes the peer after the last one, so that the writer ends too.</summary>
    private async Task<(JsonEnd End, string Reason)> ReadAsync(
        PipeReader input, ICoordinatedPeer peer, Guid? tunnel, CancellationToken cancellationToken)
    {
        var scanner = new JsonObjectScanner(_maxNode);
        try
        {
            if (tunnel is { } agent)
            {
                var open = new CoordinateRequest { AddTunnel = new() { Id = PeerIds.Write(agent) } };
                await peer.HandleAsync(open, cancellationToken).ConfigureAwait(false);
            }

            while (true)
            {
                var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
                var buffer = result.Buffer;
                JsonScan scan;
                while ((scan = scanner.TryRead(ref buffer, out var json)) == JsonScan.Done)
                {
                    if (JsonNodes.TryRead(json) is not { } node)
                    {
                        return (JsonEnd.NotANode, "read json: not a node");
                    }

                    var request = new CoordinateRequest { UpdateSelf = new() { Node = node } };
                    if (!await peer.HandleAsync(request, cancellationToken).ConfigureAwait(false))
                    {
                        return (JsonEnd.Refused, "");
                    }
                }

                if (scan != JsonScan.NeedMore)
                {
                    return scan == JsonScan.TooLarge
                        ? (JsonEnd.TooLarge, "node is too large")
                        : (JsonEnd.NotANode, "read json: not an object");
                }

                input.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted || result.IsCanceled)
                {
                    return buffer.IsEmpty || result.IsCanceled
                        ? (JsonEnd.PeerLeft, "")
                        : (JsonEnd.NotANode, "read json: unexpected EOF");
                }
            }
        }
        catch (Exception exception)
        {
            // The stream failed, or this was to stop; or there is a fault of this program, which is the peer's end too.
            if (!StreamFailure.Is(exception))
            {
                Failed(_logger, exception);
            }

            return (JsonEnd.PeerLeft, "");
        }
        finally
        {
            await peer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<(JsonEnd End, string Reason)> WriteAsync(
        PipeWriter output, ICoordinatedPeer peer, bool answersHandshakes, CancellationToken cancellationToken)
    {
        try
        {
            while (await peer.ReadAsync(cancellationToken).ConfigureAwait(false) is { } response)
            {
                if (EndOf(response.Error) is { } end)
                {
                    return (end, response.Error);
                }

                // Version 1 has no message for a peer that is gone or ready; the error of a tunnel that ended before its handshake is
                // ignored.
                var updates = response.PeerUpdates
                    .Where(static update => update.Kind == Kind.Node && JsonNodes.CanWrite(update.Node))
                    .ToArray();
                if (updates.Length == 0)
                {
                    continue;
                }

                JsonNodes.Write(output, updates.Select(static update => update.Node));
                var flush = await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    break;
                }

                if (answersHandshakes)
                {
                    var ready = new CoordinateRequest();
                    ready.ReadyForHandshake.AddRange(
                        updates.Select(static update => new CoordinateRequest.Types.ReadyForHandshake { Id = update.Id }));
                    await peer.HandleAsync(ready, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception exception)
        {
            // The stream failed, or this was to stop; or there is a fault of this program, which is the peer's end too.
            if (!StreamFailure.Is(exception))
            {
                Failed(_logger, exception);
            }

            return (JsonEnd.PeerLeft, "");
        }

        return (JsonEnd.PeerLeft, "");
    }

    private static JsonEnd? EndOf(string error) => error switch
    {
        "" => null,
        _ when error.StartsWith("ready for handshake", StringComparison.Ordinal) => null,
        _ when error.StartsWith("authorization", StringComparison.Ordinal) => JsonEnd.Refused,
        "node is too large" => JsonEnd.TooLarge,
        _ => JsonEnd.Closed,
    };

    [LoggerMessage(
        EventId = 3003,
        Level = LogLevel.Error,
        Message = "Unhandled exception in the coordination of a version 1 peer; its WebSocket is closed")]
    private static partial void Failed(ILogger logger, Exception exception);
}
