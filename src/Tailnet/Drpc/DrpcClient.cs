using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Tailnet.Yamux;

namespace Tailnet.Drpc;

/// <summary>Calls rpcs, each on a stream of its own.</summary>
/// <param name="open">Opens a stream, which the rpc completes.</param>
/// <param name="options">The limits; null for the defaults.</param>
public sealed class DrpcClient(Func<CancellationToken, ValueTask<IDuplexPipe>> open, DrpcOptions? options = null)
{
    private readonly DrpcOptions _options = options ?? new DrpcOptions();

    /// <summary>Calls rpcs on streams of <paramref name="session"/>.</summary>
    /// <param name="session">A running session.</param>
    /// <param name="options">The limits; null for the defaults.</param>
    public DrpcClient(YamuxSession session, DrpcOptions? options = null)
        : this(async cancellationToken => await session.OpenStreamAsync(cancellationToken).ConfigureAwait(false), options)
    {
    }

    /// <summary>Calls an rpc with one request and one response.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="request">The request.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Cancels the rpc by a reset of the stream.</param>
    /// <param name="metadata">The metadata to send, if any.</param>
    /// <exception cref="DrpcException">The server answered with an error, or violated the protocol.</exception>
    /// <exception cref="IOException">The stream or its session ended.</exception>
    public async Task<TResponse> UnaryAsync<TResponse>(
        string path,
        IMessage request,
        MessageParser<TResponse> parser,
        IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancellationToken = default)
        where TResponse : class, IMessage<TResponse>
    {
        await using var call = await StartAsync(path, parser, metadata, cancellationToken).ConfigureAwait(false);
        await call.SendLastAsync(request, cancellationToken).ConfigureAwait(false);
        return await call.ReceiveAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new DrpcException(0, "The server ended the rpc without a response.");
    }

    /// <summary>Calls an rpc with one request and many responses, until the server ends them.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="request">The request.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Cancels the rpc by a reset of the stream.</param>
    /// <exception cref="DrpcException">The server answered with an error, or violated the protocol.</exception>
    /// <exception cref="IOException">The stream or its session ended.</exception>
    public async IAsyncEnumerable<TResponse> ServerStreamAsync<TResponse>(
        string path,
        IMessage request,
        MessageParser<TResponse> parser,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
        where TResponse : class, IMessage<TResponse>
    {
        await using var call = await StartAsync(path, parser, metadata: null, cancellationToken).ConfigureAwait(false);
        await call.SendLastAsync(request, cancellationToken).ConfigureAwait(false);
        while (await call.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } response)
        {
            yield return response;
        }
    }

    /// <summary>Starts an rpc with any number of requests and responses. The first send or receive also sends the invoke packet.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Cancels the opening of the stream.</param>
    /// <param name="metadata">The metadata to send, if any.</param>
    /// <exception cref="IOException">The session ended.</exception>
    public async Task<DrpcClientCall<TResponse>> StartAsync<TResponse>(
        string path,
        MessageParser<TResponse> parser,
        IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancellationToken = default)
        where TResponse : class, IMessage<TResponse>
    {
        var stream = await open(cancellationToken).ConfigureAwait(false);
        return new DrpcClientCall<TResponse>(stream, parser, path, metadata, _options);
    }
}
