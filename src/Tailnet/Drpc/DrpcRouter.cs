using Google.Protobuf;

namespace Tailnet.Drpc;

/// <summary>Serves one rpc. A return ends the rpc with success, a <see cref="DrpcException"/> with its code and text.</summary>
/// <param name="call">The rpc.</param>
/// <param name="cancellationToken">Cancelled when the caller cancels the rpc or disconnects.</param>
public delegate Task DrpcHandler(DrpcCall call, CancellationToken cancellationToken);

/// <summary>Maps paths to handlers. Add all handlers before the first connection. Many connections may share a router.</summary>
public sealed class DrpcRouter
{
    private readonly Dictionary<string, DrpcHandler> _handlers = new(StringComparer.Ordinal);

    /// <summary>Adds an rpc with any number of requests and responses.</summary>
    /// <param name="path">The path, for instance <c>/coder.tailnet.v2.Tailnet/Coordinate</c>.</param>
    /// <param name="handler">Serves the rpc.</param>
    public DrpcRouter Add(string path, DrpcHandler handler)
    {
        _handlers.Add(path, handler);
        return this;
    }

    /// <summary>Adds an rpc with one request and one response.</summary>
    /// <typeparam name="TRequest">The request message.</typeparam>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The request's parser.</param>
    /// <param name="handler">Returns the response.</param>
    public DrpcRouter AddUnary<TRequest, TResponse>(
        string path, MessageParser<TRequest> parser, Func<TRequest, CancellationToken, ValueTask<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Add(path, async (call, cancellationToken) =>
        {
            var request = await call.ReceiveAsync(parser, cancellationToken).ConfigureAwait(false)
                ?? throw new DrpcException(0, "The request is missing.");
            var response = await handler(request, cancellationToken).ConfigureAwait(false);
            await call.SendAsync(response, cancellationToken).ConfigureAwait(false);
        });

    /// <summary>Adds an rpc with one request and many responses.</summary>
    /// <typeparam name="TRequest">The request message.</typeparam>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The request's parser.</param>
    /// <param name="handler">Yields the responses; their end is the end of the rpc.</param>
    public DrpcRouter AddServerStream<TRequest, TResponse>(
        string path, MessageParser<TRequest> parser, Func<TRequest, CancellationToken, IAsyncEnumerable<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Add(path, async (call, cancellationToken) =>
        {
            var request = await call.ReceiveAsync(parser, cancellationToken).ConfigureAwait(false)
                ?? throw new DrpcException(0, "The request is missing.");
            await foreach (var response in handler(request, cancellationToken).ConfigureAwait(false))
            {
                await call.SendAsync(response, cancellationToken).ConfigureAwait(false);
            }
        });

    // Each session has its own router and few rpcs: freezing the dictionary would cost more than all look-ups.
    internal DrpcHandler? Find(string path) => _handlers.GetValueOrDefault(path);
}
