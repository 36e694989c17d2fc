using Google.Protobuf;

namespace Tailnet.Drpc;

/// <summary>Serves one rpc: returning ends it well, <see cref="DrpcException"/> ends it with that code and text.</summary>
/// <param name="call">The rpc.</param>
/// <param name="cancellationToken">Cancelled when the caller gives up or goes away.</param>
public delegate Task DrpcHandler(DrpcCall call, CancellationToken cancellationToken);

/// <summary>Which handler serves which path. Fill it before the first connection; one router may serve many connections.</summary>
public sealed class DrpcRouter
{
    private readonly Dictionary<string, DrpcHandler> _handlers = new(StringComparer.Ordinal);

    /// <summary>Adds an rpc of any shape.</summary>
    /// <param name="path">e.g. <c>/coder.tailnet.v2.Tailnet/Coordinate</c>.</param>
    /// <param name="handler">Serves it.</param>
    public DrpcRouter Add(string path, DrpcHandler handler)
    {
        _handlers.Add(path, handler);
        return this;
    }

    /// <summary>Adds an rpc of one request and one response.</summary>
    /// <typeparam name="TRequest">The request message.</typeparam>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The request's parser.</param>
    /// <param name="handler">Answers it.</param>
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

    /// <summary>Adds an rpc of one request and many responses.</summary>
    /// <typeparam name="TRequest">The request message.</typeparam>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The request's parser.</param>
    /// <param name="handler">Yields the responses; its end is the rpc's.</param>
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

    // Each session has a router of its own and asks it a few times: to freeze it would cost more than all the look-ups.
    internal DrpcHandler? Find(string path) => _handlers.GetValueOrDefault(path);
}
