using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Google.Protobuf;
using Tailnet.Wire;

namespace Tailnet.Drpc;

/// <summary>Writes packets as frames. One caller at a time. Each packet gets the next message number of its stream.</summary>
internal sealed class DrpcWriter(PipeWriter output)
{
    private ulong _stream = 1;
    private ulong _message;

    public void BeginStream(ulong stream)
    {
        _stream = stream;
        _message = 0;
    }

    public void WriteInvoke(string path, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is { Count: > 0 })
        {
            Write(DrpcKind.InvokeMetadata, DrpcMetadata.Encode(metadata));
        }

        Write(DrpcKind.Invoke, Encoding.UTF8.GetBytes(path));
    }

    public ValueTask<bool> WriteErrorAsync(ulong code, string text, CancellationToken cancellationToken)
    {
        var data = new byte[8 + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteUInt64BigEndian(data, code);
        Encoding.UTF8.GetBytes(text, data.AsSpan(8));
        Write(DrpcKind.Error, data);
        return FlushAsync(cancellationToken);
    }

    public ValueTask<bool> WriteEndAsync(DrpcKind kind, CancellationToken cancellationToken)
    {
        Write(kind, default);
        return FlushAsync(cancellationToken);
    }

    /// <summary>Writes a message and flushes after every full frame, so that the stream's window limits a large message.</summary>
    public async ValueTask<bool> WriteMessageAsync(IMessage message, bool flush, CancellationToken cancellationToken)
    {
        var size = message.CalculateSize();
        var rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            message.WriteTo(rented.AsSpan(0, size));
            _message++;
            var sent = 0;
            while (true)
            {
                var length = Math.Min(size - sent, DrpcOptions.FrameData);
                var done = sent + length == size;
                WriteFrame(DrpcKind.Message, rented.AsSpan(sent, length), done);
                sent += length;
                if (done)
                {
                    return !flush || await FlushAsync(cancellationToken).ConfigureAwait(false);
                }

                if (!await FlushAsync(cancellationToken).ConfigureAwait(false))
                {
                    return false;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public void Write(DrpcKind kind, ReadOnlySpan<byte> data)
    {
        _message++;
        do
        {
            var length = Math.Min(data.Length, DrpcOptions.FrameData);
            WriteFrame(kind, data[..length], done: length == data.Length);
            data = data[length..];
        }
        while (data.Length > 0);
    }

    /// <summary>Flushes. Returns false when the other side has stopped reading.</summary>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        var result = await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        return !result.IsCompleted && !result.IsCanceled;
    }

    private void WriteFrame(DrpcKind kind, ReadOnlySpan<byte> data, bool done)
    {
        var control = kind == DrpcKind.Cancel;
        var header = new DrpcFrameHeader(kind, done, control, _stream, _message, (ulong)data.Length);
        output.Advance(header.Write(output.GetSpan(DrpcFrameHeader.MaxSize)));
        output.Write(data);
    }
}
