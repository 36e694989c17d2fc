using System.Buffers;
using System.Globalization;
using System.Text;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// An attachment to a terminal of an agent on the tailnet (terminal.md). Output is raw bytes; input and sizes are JSON objects. After a
/// read the caller continues on the thread that processes the packets, and must not block.
/// </summary>
internal sealed class TailnetTerminal : ITerminal
{
    private const int MaxObjectBytes = 16 * 1024;

    // The longest escape of one byte is six bytes: \u001B.
    private const int EscapeFactor = 6;

    private readonly AgentStream _stream;
    private readonly PtyInput _input = new();

    /// <summary>Begins the attachment after the first message.</summary>
    /// <param name="stream">The connection to the terminal port. This object disposes it.</param>
    public TailnetTerminal(AgentStream stream)
    {
        _stream = stream;
        stream.RunsInline = true;
    }

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await _stream.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            throw AgentPorts.LostBy(exception);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        var longest = PtyInput.MinBufferBytes + (EscapeFactor * (long)input.Length);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(longest, MaxObjectBytes));
        while (_input.Take(ref input, buffer) is var length && length > 0)
        {
            await SendAsync(buffer.AsMemory(0, length), cancellationToken);
        }

        // A write that was cancelled may still use the buffer, so that only this path returns it.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    public async ValueTask ResizeAsync(ushort height, ushort width, CancellationToken cancellationToken)
    {
        if (height > 0 && width > 0)
        {
            var size = string.Create(CultureInfo.InvariantCulture, $"{{\"height\":{height},\"width\":{width}}}");
            await SendAsync(Encoding.ASCII.GetBytes(size), cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        try
        {
            await _stream.WriteAsync(message, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            throw AgentPorts.LostBy(exception);
        }
    }
}
