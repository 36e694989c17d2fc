using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;

namespace Tailnet.Drpc;

/// <summary>One rpc from the handler's side: it receives requests and sends responses. The rpc ends when the handler returns.</summary>
public sealed class DrpcCall
{
    private readonly DrpcWriter _writer;
    private readonly Channel<ReadOnlyMemory<byte>> _messages;

    internal DrpcCall(DrpcWriter writer, string path, IReadOnlyDictionary<string, string> metadata)
    {
        _writer = writer;
        Path = path;
        Metadata = metadata;

        // One message waits while another is handled. Further ones stay in the stream's window.
        _messages = Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(1) { SingleReader = true, SingleWriter = true });
    }

    /// <summary>The rpc's name, e.g. <c>/coder.tailnet.v2.Tailnet/Coordinate</c>.</summary>
    public string Path { get; }

    /// <summary>The caller's metadata; usually empty.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Returns the next request; null at the end of the requests. One caller at a time.</summary>
    /// <typeparam name="T">The request message.</typeparam>
    /// <param name="parser">The message's parser.</param>
    /// <param name="cancellationToken">The handler's token.</param>
    /// <exception cref="DrpcException">The bytes are no such message. The handler should let this exception end the rpc.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReceiveAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        // Requests from before the caller's end are still handled: one may be the caller's disconnect request.
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

    /// <summary>Sends a response. Waits while the stream's window is full. One caller at a time.</summary>
    /// <param name="message">The response.</param>
    /// <param name="cancellationToken">The handler's token.</param>
    /// <exception cref="OperationCanceledException">The caller has stopped reading.</exception>
    public async ValueTask SendAsync(IMessage message, CancellationToken cancellationToken)
    {
        if (!await _writer.WriteMessageAsync(message, flush: true, cancellationToken).ConfigureAwait(false))
        {
            throw new OperationCanceledException("The caller has stopped reading.");
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
