using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tailnet.Yamux;

namespace Tailnet.Drpc;

/// <summary>Serves the rpcs of a whole yamux session, or of one byte stream.</summary>
/// <param name="router">The rpcs.</param>
/// <param name="options">The limits; null for the defaults.</param>
/// <param name="logger">Gets rpcs that fail by an unexpected exception; null for none.</param>
/// <param name="isKnown">Whether an exception is logged elsewhere already, and not here; null for none.</param>
public sealed class DrpcServer(
    DrpcRouter router, DrpcOptions? options = null, ILogger? logger = null, Func<Exception, bool>? isKnown = null)
{
    private readonly DrpcOptions _options = options ?? new DrpcOptions();

    /// <summary>
    /// Accepts and serves every stream of a session, until the session has ended and the last handler has returned. Does not throw.
    /// </summary>
    /// <param name="session">A running session.</param>
    /// <param name="cancellationToken">Stops the handlers and then this method; does not end the session.</param>
    public async Task ServeAsync(YamuxSession session, CancellationToken cancellationToken = default)
    {
        var serving = new HashSet<Task>();
        try
        {
            while (await session.AcceptStreamAsync(cancellationToken).ConfigureAwait(false) is { } stream)
            {
                serving.RemoveWhere(static task => task.IsCompleted);
                serving.Add(ServeAsync(stream, cancellationToken));
            }
        }
        catch (OperationCanceledException)
        {
            // The handlers' tokens are linked to this one, and are cancelled too.
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
    }

    /// <summary>Serves the rpcs of one stream, one after another, and completes the stream. Does not throw.</summary>
    /// <param name="stream">The stream; no other code may use it.</param>
    /// <param name="cancellationToken">Stops the handler.</param>
    public async Task<DrpcEnd> ServeAsync(IDuplexPipe stream, CancellationToken cancellationToken = default)
    {
        var connection = new DrpcServerConnection(
            stream, router, _options, logger ?? NullLogger.Instance, isKnown ?? (static _ => false));
        return await connection.RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
