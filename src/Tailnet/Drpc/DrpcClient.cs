using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Tailnet.Yamux;

namespace Tailnet.Drpc;

/// <summary>Makes rpcs, each on a stream of its own.</summary>
/// <param name="open">Opens a stream; the rpc completes it.</param>
/// <param name="options">Limits; null for the defaults.</param>
public sealed class DrpcClient(Func<CancellationToken, ValueTask<IDuplexPipe>> open, DrpcOptions? options = null)
{
    private readonly DrpcOptions _options = options ?? new DrpcOptions();

    /// <summary>Makes rpcs on streams of <paramref name="session"/>.</summary>
    /// <param name="session">A session that someone runs.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    public DrpcClient(YamuxSession session, DrpcOptions? options = null)
        : this(async cancellationToken => await session.OpenStreamAsync(cancellationToken).ConfigureAwait(false), options)
    {
    }

    /// <summary>One request, one response.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="request">The request.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Gives up: the stream is reset.</param>
    /// <param name="metadata">Sent along when not empty.</param>
    /// <exception cref="DrpcException">The server answered with an error, or broke the protocol.</exception>
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

    /// <summary>One request, many responses, until the server ends them.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="request">The request.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Gives up: the stream is reset.</param>
    /// <exception cref="DrpcException">The server answered with an error, or broke the protocol.</exception>
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

    /// <summary>Starts an rpc of any shape. The invoke itself travels with the first message, or the first receive.</summary>
    /// <typeparam name="TResponse">The response message.</typeparam>
    /// <param name="path">The rpc's path.</param>
    /// <param name="parser">The response's parser.</param>
    /// <param name="cancellationToken">Gives up opening the stream.</param>
    /// <param name="metadata">Sent along when not empty.</param>
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
