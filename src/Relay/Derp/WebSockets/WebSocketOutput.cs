using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Relay.Derp.WebSockets;

/// <summary>Puts bytes into binary messages of at most 32 KiB, which is what Tailscale's reader takes (derp.md §1.4).</summary>
internal sealed class WebSocketOutput(PipeWriter writer) : DerpPipeOutput(writer)
{
    /// <summary>The most bytes of a message's payload.</summary>
    public const int MaxMessage = 32 * 1024;

    private const int MaxControl = 125;

    private readonly Lock _lock = new();
    private byte[]? _waiting;
    private bool _isClosed;

    /// <summary>The close code that ends the connection, when the relay does.</summary>
    public ushort CloseCode { get; set; } = 1011;

    /// <summary>Remembers a control frame to be sent with the next flush. A newer pong replaces one that waits.</summary>
    public void Control(byte opcode, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (payload.Length <= MaxControl && !_isClosed)
            {
                _waiting = [(byte)(0x80 | opcode), (byte)payload.Length, .. payload];
            }
        }
    }

    private void SendWaiting()
    {
        lock (_lock)
        {
            if (_waiting is not null && TryWriteRaw(_waiting))
            {
                _waiting = null;
            }
        }
    }

    public override void Flush()
    {
        SendWaiting();
        base.Flush();
    }

    protected override void Write(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes)
    {
        SendWaiting();
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
            _waiting = null;
        }

        Span<byte> close = stackalloc byte[11];
        (close[0], close[1]) = (0x88, 9);
        BinaryPrimitives.WriteUInt16BigEndian(close[2..], CloseCode);
        "closing"u8.CopyTo(close[4..]);
        TryWriteRaw(close);
    }
}
