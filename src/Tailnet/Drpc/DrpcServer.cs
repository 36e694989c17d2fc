using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tailnet.Yamux;

namespace Tailnet.Drpc;

/// <summary>Serves rpcs: of a whole yamux session, or of one byte stream.</summary>
/// <param name="router">Which rpcs there are.</param>
/// <param name="options">Limits; null for the defaults.</param>
/// <param name="logger">Hears of rpcs that fail by a fault of this program; null for nobody.</param>
/// <param name="isKnown">Which failures of rpcs are logged elsewhere, once for all of them; null for none.</param>
public sealed class DrpcServer(
    DrpcRouter router, DrpcOptions? options = null, ILogger? logger = null, Func<Exception, bool>? isKnown = null)
{
    private readonly DrpcOptions _options = options ?? new DrpcOptions();

    /// <summary>
    /// Accepts every stream of a running session and serves it, until the session ends and the last handler has returned.
    /// Does not throw.
    /// </summary>
    /// <param name="session">A session that someone runs.</param>
    /// <param name="cancellationToken">Stops the handlers, and then this; does not end the session.</param>
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
            // The tokens of the handlers are cancelled with this one.
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
    }

    /// <summary>Serves the rpcs of one stream, one after the other, and completes the stream. Does not throw.</summary>
    /// <param name="stream">The stream; nobody else may use it.</param>
    /// <param name="cancellationToken">Stops the handler.</param>
    public async Task<DrpcEnd> ServeAsync(IDuplexPipe stream, CancellationToken cancellationToken = default)
    {
        var connection = new DrpcServerConnection(
            stream, router, _options, logger ?? NullLogger.Instance, isKnown ?? (static _ => false));
        return await connection.RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
