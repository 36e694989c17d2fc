using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Relay.Derp.WebSockets;

/// <summary>Sends bytes in binary messages of at most 32 KiB, which is the limit of Tailscale's reader (derp.md §1.4).</summary>
internal sealed class WebSocketOutput(PipeWriter writer) : DerpPipeOutput(writer)
{
    /// <summary>The longest payload of a message in bytes.</summary>
    public const int MaxMessage = 32 * 1024;

    private const int MaxControl = 125;

    private readonly Lock _lock = new();
    private byte[]? _control;
    private bool _isClosed;

    /// <summary>The code of the close frame that the relay sends at the end.</summary>
    public ushort CloseCode { get; set; } = 1011;

    /// <summary>Queues a control frame for the next flush. It replaces a waiting one.</summary>
    public void QueueControl(byte opcode, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (payload.Length <= MaxControl && !_isClosed)
            {
                _control = [(byte)(0x80 | opcode), (byte)payload.Length, .. payload];
            }
        }
    }

    private void WriteControl()
    {
        lock (_lock)
        {
            if (_control is not null && TryWriteRaw(_control))
            {
                _control = null;
            }
        }
    }

    public override void Flush()
    {
        WriteControl();
        base.Flush();
    }

    protected override void Write(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes)
    {
        WriteControl();
        while (!bytes.IsEmpty)
        {
            var length = Math.Min(bytes.Length, MaxMessage);
            var span = writer.GetSpan(4);
            span[0] = 0x82;
            var header = 2;
            if (length <= MaxControl)
            {
                span[1] = (byte)length;
            }
            else
            {
                span[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(span[2..], (ushort)length);
                header = 4;
            }

            writer.Advance(header);
            writer.Write(bytes[..length]);
            bytes = bytes[length..];
        }
    }

    protected override void BeforeComplete()
    {
        lock (_lock)
        {
            _isClosed = true;
            _control = null;
        }

        Span<byte> close = stackalloc byte[11];
        (close[0], close[1]) = (0x88, 9);
        BinaryPrimitives.WriteUInt16BigEndian(close[2..], CloseCode);
        "closing"u8.CopyTo(close[4..]);
        TryWriteRaw(close);
    }
}
