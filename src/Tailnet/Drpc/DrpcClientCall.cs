using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf;
using Tailnet.Wire;

namespace Tailnet.Drpc;

/// <summary>
/// An rpc in progress, on the caller's side. One task may send while another receives. A disposal ends the rpc: in order if the server has
/// ended its side, otherwise by a reset of the stream, which is how other clients cancel.
/// </summary>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class DrpcClientCall<TResponse> : IAsyncDisposable
    where TResponse : class, IMessage<TResponse>
{
    private readonly IDuplexPipe _stream;
    private readonly MessageParser<TResponse> _parser;
    private readonly DrpcWriter _writer;
    private readonly DrpcAssembler _assembler;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private bool _invokeFlushed;
    private bool _ended;
    private bool _disposed;

    internal DrpcClientCall(
        IDuplexPipe stream,
        MessageParser<TResponse> parser,
        string path,
        IReadOnlyDictionary<string, string>? metadata,
        DrpcOptions options)
    {
        _stream = stream;
        _parser = parser;
        _writer = new DrpcWriter(stream.Output);
        _assembler = new DrpcAssembler(options.MaxPacket);
        _writer.WriteInvoke(path, metadata);
    }

    /// <summary>
    /// Sends a message. Waits while the stream's window is full. Only <see cref="ReceiveAsync"/> reports the server's end.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancels the send; the call must then be disposed.</param>
    public Task SendAsync(IMessage message, CancellationToken cancellationToken = default) =>
        SendAsync(async token => await _writer.WriteMessageAsync(message, flush: true, token).ConfigureAwait(false), cancellationToken);

    /// <summary>Tells the server that no more messages follow.</summary>
    /// <param name="cancellationToken">Cancels the send; the call must then be disposed.</param>
    public Task CloseSendAsync(CancellationToken cancellationToken = default) =>
        SendAsync(async token => await _writer.WriteEndAsync(DrpcKind.CloseSend, token).ConfigureAwait(false), cancellationToken);

    /// <summary>Returns the next response; null when the server has ended the rpc.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DrpcException">The server answered with an error, or violated the protocol.</exception>
    /// <exception cref="IOException">The stream or its session ended.</exception>
    public async Task<TResponse?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        await FlushInvokeAsync(cancellationToken).ConfigureAwait(false);
        while (!_ended)
        {
            var result = await _stream.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            var status = DrpcReadStatus.NeedMore;
            try
            {
                while ((status = _assembler.TryRead(ref buffer, out var packet)) == DrpcReadStatus.Done)
                {
                    if (TryTake(packet, out var response))
                    {
                        return response;
                    }
                }
            }
            finally
            {
                // The bytes after a complete packet are not examined yet.
                _stream.Input.AdvanceTo(buffer.Start, status == DrpcReadStatus.NeedMore ? buffer.End : buffer.Start);
            }

            if (status != DrpcReadStatus.NeedMore)
            {
                throw new DrpcException(0, $"protocol error: {DrpcEnds.Of(status)}");
            }

            if (result.IsCompleted)
            {
                throw new EndOfStreamException("The server ended the stream inside the rpc.");
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _assembler.Release();
        _sending.Dispose();
        await _stream.Input.CompleteAsync().ConfigureAwait(false);
        await _stream.Output.CompleteAsync(_ended ? null : new OperationCanceledException("The rpc was cancelled.")).ConfigureAwait(false);
    }

    internal Task SendLastAsync(IMessage message, CancellationToken cancellationToken) =>
        SendAsync(
            async token => await _writer.WriteMessageAsync(message, flush: false, token).ConfigureAwait(false)
                && await _writer.WriteEndAsync(DrpcKind.CloseSend, token).ConfigureAwait(false),
            cancellationToken);

    private async Task SendAsync(Func<CancellationToken, Task<bool>> write, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _invokeFlushed = true;
            await write(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    private Task FlushInvokeAsync(CancellationToken cancellationToken) =>
        _invokeFlushed
            ? Task.CompletedTask
            : SendAsync(async token => await _writer.FlushAsync(token).ConfigureAwait(false), cancellationToken);

    private bool TryTake(DrpcPacket packet, out TResponse? response)
    {
        response = null;
        switch (packet.Kind)
        {
            case DrpcKind.Message:
                response = Parse(packet.Data.Span);
                return true;
            case DrpcKind.Error:
                _ended = true;
                var data = packet.Data.Span;
                throw data.Length < 8
                    ? new DrpcException(0, "The server's error is too short.")
                    : new DrpcException(BinaryPrimitives.ReadUInt64BigEndian(data), Encoding.UTF8.GetString(data[8..]));
            case DrpcKind.Close or DrpcKind.CloseSend:
                _ended = true;
                return true;
            case DrpcKind.Cancel:
                throw new DrpcException(0, "The server cancelled the rpc.");
            default:
                return packet.Control ? false : throw new DrpcException(0, "protocol error: unknown kind");
        }
    }

    private TResponse Parse(ReadOnlySpan<byte> data)
    {
        try
        {
            return _parser.ParseFrom(data);
        }
        catch (InvalidProtocolBufferException)
        {
            throw new DrpcException(0, "protocol error: the response cannot be decoded");
        }
    }
}
