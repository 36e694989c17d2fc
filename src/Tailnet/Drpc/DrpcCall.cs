using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;

namespace Tailnet.Drpc;

/// <summary>One rpc as its handler sees it: requests come in, responses go out. Its end is the handler's return.</summary>
public sealed class DrpcCall
{
    private readonly DrpcWriter _writer;
    private readonly Channel<ReadOnlyMemory<byte>> _messages;

    internal DrpcCall(DrpcWriter writer, string path, IReadOnlyDictionary<string, string> metadata)
    {
        _writer = writer;
        Path = path;
        Metadata = metadata;

        // One message waits while one is handled: more stay in the stream's window.
        _messages = Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(1) { SingleReader = true, SingleWriter = true });
    }

    /// <summary>The rpc's name, e.g. <c>/coder.tailnet.v2.Tailnet/Coordinate</c>.</summary>
    public string Path { get; }

    /// <summary>What the caller sent along; empty for most.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The next request; null when the caller has no more. One caller at a time.</summary>
    /// <typeparam name="T">The request message.</typeparam>
    /// <param name="parser">The message's parser.</param>
    /// <param name="cancellationToken">Cancelled when the caller gives up or goes away.</param>
    /// <exception cref="DrpcException">The bytes are no such message; let it end the rpc.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReceiveAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        // What came before the caller went away is still handled: it may be the caller's goodbye.
        do
        {
            if (_messages.Reader.TryRead(out var data))
            {
                return Parse(parser, data);
            }
        }
        while (await _messages.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false));

        return null;
    }

    /// <summary>Sends a response; waits while the stream's window is full. One caller at a time.</summary>
    /// <param name="message">The response.</param>
    /// <param name="cancellationToken">Cancelled when the caller gives up or goes away.</param>
    /// <exception cref="OperationCanceledException">The caller reads no more.</exception>
    public async ValueTask SendAsync(IMessage message, CancellationToken cancellationToken)
    {
        if (!await _writer.WriteMessageAsync(message, flush: true, cancellationToken).ConfigureAwait(false))
        {
            throw new OperationCanceledException("The caller reads no more.");
        }
    }

    internal ValueTask DeliverAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        _messages.Writer.TryWrite(data) ? ValueTask.CompletedTask : _messages.Writer.WriteAsync(data, cancellationToken);

    internal void EndOfRequests() => _messages.Writer.TryComplete();

    private static T Parse<T>(MessageParser<T> parser, ReadOnlyMemory<byte> data)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(data.Span);
        }
        catch (InvalidProtocolBufferException)
        {
            throw new DrpcException(0, "The message cannot be decoded.");
        }
    }
}
